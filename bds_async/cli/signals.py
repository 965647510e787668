"""What a signal does while there is nothing to end in order: the program ends at once, without a traceback.

Python's own KeyboardInterrupt can come out of anything, an import or a finalizer, where it is lost.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

#: SIGINT, SIGTERM, and Windows' Ctrl-Break: those of them that there are.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))
#: What makes a terminal show its cursor (DECTCEM), which progress bars have hidden.
_SHOW_CURSOR = b"\x1b[?25h"
_STDERR = 2


def exit_code(number: int) -> int:
    """The documented exit code of a run that was stopped by a signal."""
    return 143 if number == signal.SIGTERM else 130


def end_at_once(number: int, _: FrameType | None = None) -> NoReturn:
    """A signal handler; a run that is killed is finished by the next one."""
    if os.isatty(_STDERR):
        os.write(_STDERR, _SHOW_CURSOR)
    os._exit(exit_code(number))


def handle_signals() -> None:
    """Let every signal that asks for the end have it at once, until a run takes over."""
    for number in SIGNALS:
        signal.signal(number, end_at_once)
