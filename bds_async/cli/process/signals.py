"""Signals while no run is under way: the program ends immediately, without a traceback.

Python's KeyboardInterrupt can be raised anywhere, for example in an import or a finalizer, and be lost there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

#: Handled even if they are ignored: a shell script ignores them for its background jobs.
_ALWAYS = frozenset({signal.SIGINT, signal.SIGTERM})
#: Not handled: signals that can't be, faults of the process, job control, and those that by default end no process.
_LEFT_ALONE = (
    *("SIGKILL", "SIGSTOP"),
    *("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"),
    *("SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCONT"),
    *("SIGCHLD", "SIGURG", "SIGWINCH", "SIGINFO"),
)
#: The sequence that shows the cursor of a terminal (DECTCEM), which progress bars hide.
_SHOW_CURSOR = b"\x1b[?25h"
_STDERR = 2


def _ending() -> tuple[int, ...]:
    """Every catchable signal that ends a process by default, except those that are ignored (`nohup` ignores SIGHUP).

    A signal whose handler was not installed by Python (faulthandler) is left alone too.
    """
    left_alone = {getattr(signal, name) for name in _LEFT_ALONE if hasattr(signal, name)}
    return tuple(
        number
        for number in sorted(signal.valid_signals() - left_alone)
        if number in _ALWAYS or signal.getsignal(number) not in (signal.SIG_IGN, None)
    )


#: The signals that stop a run, of those that this system has.
SIGNALS = _ending()


def exit_code(number: int) -> int:
    """The documented exit code of a run that a signal stopped."""
    return 128 + number


def name_of(number: int) -> str:
    """The name of a signal; most real-time signals have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def end_at_once(number: int, _: FrameType | None = None) -> NoReturn:
    """Handle a signal by ending the process. The next run finishes what this one began."""
    if os.isatty(_STDERR):
        os.write(_STDERR, _SHOW_CURSOR + f"\nStopped by {name_of(number)}.\n".encode())
    os._exit(exit_code(number))


def handle_signals(handler: Callable[[int, FrameType | None], object] = end_at_once) -> None:
    """Let all of SIGNALS call `handler`, until a run installs its own handlers."""
    for number in SIGNALS:
        signal.signal(number, handler)
