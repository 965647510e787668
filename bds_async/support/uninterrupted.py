"""Work that is finished once it has begun, even if its event loop ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Departure:
    """The moment after which the work cannot be cancelled."""

    def __init__(self) -> None:
        self.is_past = False
        self._called_off = False
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def mark(self) -> None:
        """Called by the work when it can no longer be cancelled."""
        self.is_past = True

    def call_off(self) -> None:
        """Cancel the work unless that moment is past; from any thread."""
        self._called_off = True
        if self._running is not None:
            with contextlib.suppress(RuntimeError):  # the work has ended and closed its loop
                self._running[0].call_soon_threadsafe(self._cancel)

    def run(self, work: Callable[[Departure], Coroutine[Any, Any, T]]) -> T:
        """Run the work on an event loop of its own, in the thread that calls this."""
        return asyncio.run(self._main(work))

    async def _main(self, work: Callable[[Departure], Coroutine[Any, Any, T]]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._running = (asyncio.get_running_loop(), task)
        if self._called_off:
            raise asyncio.CancelledError
        return await work(self)

    def _cancel(self) -> None:
        if not self.is_past and self._running is not None:
            self._running[1].cancel()


async def uninterrupted(work: Callable[[Departure], Coroutine[Any, Any, T]]) -> T:
    """Run `work` in a thread with an event loop of its own, and wait for it.

    A shielded task is not enough: a loop that is torn down (the end of `asyncio.run`, an exception out of a signal
    handler, as in Airflow) cancels every task, and a busy loop reads an answer late. If the caller is cancelled, work
    that has not departed is cancelled and other work is awaited; only then CancelledError is raised.
    """
    departure = Departure()
    executor = ThreadPoolExecutor(1, "bds-async-exchange")
    future = asyncio.get_running_loop().run_in_executor(executor, departure.run, work)
    executor.shutdown(wait=False)
    try:
        await asyncio.wait([future])
    except asyncio.CancelledError:
        departure.call_off()
        await outlast(future)
        raise
    return future.result()


async def outlast(future: asyncio.Future[Any]) -> None:
    """Wait for the end of `future` however often the caller is cancelled; raises CancelledError afterwards if it was.

    The future's own exception is not raised.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if not future.cancelled():
        future.exception()
    if cancelled is not None:
        raise cancelled
