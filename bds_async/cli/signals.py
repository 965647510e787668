"""Signals while no run is under way: the program ends at once, without a traceback.

Python's KeyboardInterrupt can be raised anywhere, in an import or a finalizer for example, and be lost there.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

#: SIGINT, SIGTERM and Windows' Ctrl-Break, as far as this system has them.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))
#: The sequence that shows the cursor of a terminal (DECTCEM), which progress bars hide.
_SHOW_CURSOR = b"\x1b[?25h"
_STDERR = 2


def exit_code(number: int) -> int:
    """The documented exit code of a run that a signal stopped."""
    return 143 if number == signal.SIGTERM else 130


def end_at_once(number: int, _: FrameType | None = None) -> NoReturn:
    """End the process; a signal handler. The next run finishes what this one began."""
    if os.isatty(_STDERR):
        os.write(_STDERR, _SHOW_CURSOR)
    os._exit(exit_code(number))


def handle_signals() -> None:
    """Let every one of SIGNALS end the process at once, until a run installs its own handlers."""
    for number in SIGNALS:
        signal.signal(number, end_at_once)
