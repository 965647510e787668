"""Runs a job on a new event loop; signals request an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import Stopped
from ..support.log import event
from ..support.running import Stop, beside
from .signals import SIGNALS, exit_code, handle_signals

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


def run(job: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    """Run a job that takes a Stop and obeys it; return its result."""

    async def main() -> Result:
        stop = Stop()
        with signals_request(stop):
            return await job(stop)

    return asyncio.run(main())


def run_simple(job: Coroutine[Any, Any, Result]) -> Result:
    """Run a job that takes no Stop; return its result. A signal cancels it."""
    return run(lambda stop: beside(job, stop.obey()))


@contextmanager
def signals_request(stop: Stop) -> Iterator[None]:
    """Let SIGINT, SIGTERM and Ctrl-Break request an orderly stop in the body; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        # The interpreter handles the second one: the event loop may be blocked by a thread then.
        handle_signals()
        name = signal.Signals(number).name
        text = "Stopping; another %s ends the process at once."
        logger.info(text, name, extra=event("run.stopping", signal=name))
        text = f"Stopped by {name}; run again to continue."
        stop.request(Stopped(text, exit_code(number)))

    former = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        _handle(loop, number, on_signal)
    try:
        yield
    finally:
        for number, handler in former.items():
            if sys.platform != "win32":
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _handle(loop: asyncio.AbstractEventLoop, number: int, on_signal: Callable[[int], None]) -> None:
    """Add a handler to the loop, or on Windows, whose loops have none, to the interpreter."""
    if sys.platform == "win32":
        signal.signal(number, lambda received, _: loop.call_soon_threadsafe(on_signal, received))
    else:
        loop.add_signal_handler(number, on_signal, number)
