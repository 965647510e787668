"""Threads for work on zips, which ends with the run, and for work that may hang."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

from ..errors import Stopped

Result = TypeVar("Result")

#: Threads for work on zips; two keep up with the network.
ZIP_THREADS = 2


class ZipThreads:
    """Threads for work on zips, so that neither the event loop nor a worker waits for it.

    Leaving the context ends running work at its next block, and drops queued work.
    """

    def __init__(self, count: int = ZIP_THREADS) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="zip")
        self._waiting = ThreadPoolExecutor(1, thread_name_prefix="following")
        self._waits: asyncio.Future[Any] | None = None
        self._over = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._waiting.shutdown(wait=True, cancel_futures=True)
        self.executor.shutdown(wait=True, cancel_futures=True)

    def watch(self, _: int) -> None:
        """Called for each block of work; raises Stopped once the run is over."""
        if self._over.is_set():
            raise Stopped("The run is over.", 3)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do `work` in one of the threads and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    def begin_waiting(self, work: Callable[[], Result]) -> asyncio.Future[Result] | None:
        """Start work that waits for other threads, in a separate thread; None if that thread is busy."""
        if self._waits is not None and not self._waits.done():
            return None
        future = asyncio.get_running_loop().run_in_executor(self._waiting, work)
        self._waits = future
        return future


async def left_behind(work: Callable[[], Result]) -> Result:
    """Do `work` in a thread that neither a cancellation nor the end of the process waits for; return its result."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        """Do the work and keep its result."""
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="left-behind", daemon=True).start()
    return await asyncio.wrap_future(future)
