"""Open a page in the person's browser, if this machine has a desktop."""

from __future__ import annotations

import logging
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping

from ...support.log import event

logger = logging.getLogger(__name__)


def open_page(address: str) -> None:
    """Open a page in the browser, in a thread, since some browsers return only when they are closed."""
    if not has_browser(os.environ, sys.platform):
        logger.debug("There is no desktop to open a browser on.")
        return
    threading.Thread(target=_open, args=(address,), name="bds-async-browser", daemon=True).start()


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser would open in front of the person: on a desktop, or by `BROWSER`; not over ssh.

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
        text = "Could not open a browser; open the address yourself."
        logger.info(text, extra=event("login.no_browser"))
