"""A bounded pool of worker coroutines over one sorted queue: one job at a time for each worker."""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect_left, insort
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Job = TypeVar("Job")

#: One in this many workers takes the smallest job first.
ONE_IN = 4


def small_job_workers(workers: int) -> int:
    """How many of a pool's workers take the smallest job first."""
    return workers // ONE_IN


class Pool(Generic[Job]):
    """Runs `work` on each queued job in `workers` coroutines; `work` may queue more.

    Most of them take the largest job first, so that no large job is left for the end of the run. A quarter of them take
    the smallest: a small job mostly waits for answers, while large ones use the network.
    """

    def __init__(self, workers: int, work: Callable[[Job], Awaitable[None]]) -> None:
        self._workers = workers
        self._work = work
        #: Sorted by size, then by arrival; each has one entry in `_queued`.
        self._jobs: list[tuple[float, int, Job]] = []
        self._queued: asyncio.Queue[None] = asyncio.Queue()
        self._order = itertools.count()

    def put(self, job: Job, size: float = 0) -> None:
        """Queue a job; jobs of equal size are taken in the order of arrival."""
        insort(self._jobs, (size, next(self._order), job))
        self._queued.put_nowait(None)

    async def run(self, until: Awaitable[object]) -> None:
        """Work until `until` ends; an exception of `work` stops all workers and is raised in an exception group."""
        async with asyncio.TaskGroup() as group:
            small = small_job_workers(self._workers)
            workers = [group.create_task(self._serve(small=number < small)) for number in range(self._workers)]
            await until
            for worker in workers:
                worker.cancel()

    async def drained(self) -> None:
        """Wait until no job is queued or under way."""
        await self._queued.join()

    async def _serve(self, *, small: bool) -> None:
        while True:
            await self._queued.get()
            await self._work(self._smallest() if small else self._largest())
            self._queued.task_done()

    def _smallest(self) -> Job:
        return self._jobs.pop(0)[2]

    def _largest(self) -> Job:
        size = self._jobs[-1][0]
        return self._jobs.pop(bisect_left(self._jobs, size, key=lambda entry: entry[0]))[2]
