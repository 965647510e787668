"""Work that must be completed once begun, even if the event loop that started it is torn down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds that work past its point of no return may still take once its caller is cancelled.
GRACE = 15.0


class Departure:
    """The point of no return of some work: before `mark` the work can be called off, after that it cannot."""

    def __init__(self) -> None:
        self.is_past = False
        self._called_off = False
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def mark(self) -> None:
        """Pass the point of no return; called by the work itself."""
        self.is_past = True

    def call_off(self) -> None:
        """Cancel the work, after GRACE seconds if it is past the point of no return; may be called in any thread."""
        self._called_off = True
        if self._running is not None:
            with contextlib.suppress(RuntimeError):  # the work has ended and closed its loop
                self._running[0].call_soon_threadsafe(self._cancel)

    def run(self, work: Callable[[Departure], Coroutine[Any, Any, T]]) -> T:
        """Run the work on a new event loop in the calling thread."""
        return asyncio.run(self._main(work))

    async def _main(self, work: Callable[[Departure], Coroutine[Any, Any, T]]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._running = (asyncio.get_running_loop(), task)
        if self._called_off:
            raise asyncio.CancelledError
        return await work(self)

    def _cancel(self) -> None:
        if self._running is None:
            return
        loop, task = self._running
        if self.is_past:
            loop.call_later(GRACE, task.cancel)
        else:
            task.cancel()


async def uninterrupted(work: Callable[[Departure], Coroutine[Any, Any, T]]) -> T:
    """Run `work` in a thread with its own event loop, and return its result.

    `asyncio.shield` is not enough: a loop that is torn down (at the end of `asyncio.run`, or by an exception from a
    signal handler, as in Airflow) cancels all its tasks, and a busy loop handles an answer late. If the caller is
    cancelled, work before its point of no return is called off; work past it gets at most GRACE seconds to finish.
    Then the CancelledError is raised.
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
    """Wait until `future` is done, even if the caller is cancelled meanwhile; then raise that CancelledError.

    An exception of the future is not raised.
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
