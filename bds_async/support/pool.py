"""A bounded pool of worker coroutines over one priority queue: at most as many jobs under way as there are workers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Job = TypeVar("Job")


class Pool(Generic[Job]):
    """`workers` coroutines that do `work` on each queued job, the largest first; `work` may queue more."""

    def __init__(self, workers: int, work: Callable[[Job], Awaitable[None]]) -> None:
        self._workers = workers
        self._work = work
        self._queue: asyncio.PriorityQueue[tuple[float, int, Job]] = asyncio.PriorityQueue()
        self._order = itertools.count()

    def put(self, job: Job, size: float = 0) -> None:
        """Queue a job; larger jobs are taken first, equal ones in the order of arrival."""
        self._queue.put_nowait((-size, next(self._order), job))

    async def run(self, until: Awaitable[object]) -> None:
        """Work until `until` ends; an exception of `work` stops all workers and is raised in a group."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._serve()) for _ in range(self._workers)]
            await until
            for worker in workers:
                worker.cancel()

    async def drained(self) -> None:
        """Wait until no job is queued or under way."""
        await self._queue.join()

    async def _serve(self) -> None:
        while True:
            _, _, job = await self._queue.get()
            await self._work(job)
            self._queue.task_done()
