"""Windows console events: closing the window, logging off and shutting down request an orderly stop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT and CTRL_SHUTDOWN_EVENT of SetConsoleCtrlHandler; the others become signals.
CLOSING = frozenset({2, 5, 6})
#: Seconds to delay the system's handler. Windows ends the process when it returns, or after its own limit.
HELD_UP = 30.0


def answer(event: int, stop: Callable[[], object], held_up: float = HELD_UP) -> bool:
    """Handle one console event in the system's thread: request a stop and give the run time to end.

    Returns False if the event is for another handler.
    """
    if event not in CLOSING:
        return False
    stop()
    threading.Event().wait(held_up)
    return True


@contextmanager
def closing_requests(stop: Callable[[], object]) -> Iterator[None]:
    """Inside the context, let closing events call `stop` from another thread. Does nothing on other systems."""
    if sys.platform != "win32":
        yield
        return
    import ctypes

    handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(lambda event: answer(event, stop))
    ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, True)
    try:
        yield
    finally:
        ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, False)
