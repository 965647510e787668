"""Running a job on a new event loop; signals request an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from ...errors import Stopped
from ...support.log import event
from ...support.running import Stop, beside
from .console_events import closing_requests
from .signals import SIGNALS, end_at_once, exit_code, handle_signals, name_of

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

#: Seconds within which a second signal counts as part of the first.
SAME = 1.0
#: The signal that stands for Windows' closing events.
_CLOSED = int(getattr(signal, "SIGBREAK", signal.SIGTERM))


def run(job: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    """Run a job that takes a Stop and obeys it; return its result."""

    async def main() -> Result:
        """Do the job; signals ask it to stop."""
        stop = Stop()
        with signals_request(stop):
            return await job(stop)

    return asyncio.run(main())


def run_simple(job: Coroutine[Any, Any, Result]) -> Result:
    """Run a job that takes no Stop; return its result. A signal cancels it."""
    return run(lambda stop: beside(job, stop.obey()))


@contextmanager
def signals_request(stop: Stop) -> Iterator[None]:
    """Inside the context, let all of SIGNALS, and Windows' closing events, request an orderly stop."""
    loop = asyncio.get_running_loop()
    requested = _StopOnce(stop)
    former = {number: signal.getsignal(number) for number in SIGNALS}
    if sys.platform != "win32":
        # One handler of the loop itself is enough for any signal to wake it. To add one takes 0.2 ms; there are 47.
        loop.add_signal_handler(signal.SIGTERM, _nothing)
    handle_signals(lambda number, _: loop.call_soon_threadsafe(requested.by, number))
    try:
        with closing_requests(lambda: loop.call_soon_threadsafe(requested.by, _CLOSED)):
            yield
    finally:
        if sys.platform != "win32":
            loop.remove_signal_handler(signal.SIGTERM)
        for number, handler in former.items():
            signal.signal(number, handler)


def _nothing() -> None:
    """The handler of the loop itself: it only wakes the loop."""


class _StopOnce:
    """Stops the run at the first signal; a later one ends the process immediately.

    Closing a terminal, `timeout` and systemd send two signals in a row. So within SAME seconds, only a second SIGINT,
    which a person sends by Ctrl-C, ends the process.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._first: float | None = None

    def by(self, number: int) -> None:
        """Request the stop; called on the event loop."""
        if self._first is not None:
            return
        self._first = time.monotonic()
        # The interpreter handles the second one, since a thread may block the event loop by then.
        handle_signals(self._again)
        name = name_of(number)
        text = "Stopping; send %s once more to end at once."
        logger.info(text, name, extra=event("run.stopping", signal=name))
        self._stop.request(Stopped(f"Stopped by {name}; run again to continue.", exit_code(number)))

    def _again(self, number: int, _: FrameType | None = None) -> None:
        assert self._first is not None
        if number == signal.SIGINT or time.monotonic() - self._first > SAME:
            end_at_once(number)
