"""Opens a page in the person's browser, where there is one to be seen."""

from __future__ import annotations

import logging
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping

logger = logging.getLogger(__name__)


def open_page(address: str) -> None:
    """Show a page in the browser; in a thread, since some browsers only return when they are closed."""
    if not has_browser(os.environ, sys.platform):
        logger.debug("No desktop to open a browser on.")
        return
    threading.Thread(target=_open, args=(address,), name="bds-async-browser", daemon=True).start()


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser would open where the person sits: a desktop, or `BROWSER`; not over ssh.

    Without this check a text browser would take over the terminal.
    """
    if environ.get("BROWSER"):
        return True
    if platform in ("win32", "darwin"):
        return not environ.get("SSH_CONNECTION")
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _open(address: str) -> None:
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        logger.info("No browser could be opened; open the address yourself.")
