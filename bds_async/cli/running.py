"""Runs a job on an event loop of its own: signals become an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import Stopped
from ..support.running import Stop, beside
from .signals import SIGNALS, exit_code, handle_signals

Result = TypeVar("Result")

log = logging.getLogger(__name__)


def run(job: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    """The result of a job that obeys its Stop by itself."""

    async def main() -> Result:
        stop = Stop()
        with signals_request(stop):
            return await job(stop)

    return asyncio.run(main())


def run_simple(job: Coroutine[Any, Any, Result]) -> Result:
    """The result of a job that knows nothing of a Stop: a signal cancels it."""
    return run(lambda stop: beside(job, stop.obey()))


@contextmanager
def signals_request(stop: Stop) -> Iterator[None]:
    """While this lasts SIGINT, SIGTERM and Ctrl-Break ask for an orderly end; a second one ends at once."""
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        # By the interpreter from now on: the event loop may be waiting for a thread when the second one comes.
        handle_signals()
        name = signal.Signals(number).name
        log.info("Stopping; %s once more ends at once.", name)
        text = f"Stopped by {name}; run again to go on where it stopped."
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
    """Windows' event loops know no signal handlers; there the interpreter's own calls into the loop."""
    if sys.platform == "win32":
        signal.signal(number, lambda received, _: loop.call_soon_threadsafe(on_signal, received))
    else:
        loop.add_signal_handler(number, on_signal, number)
