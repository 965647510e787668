"""A bounded pool of worker coroutines over one sorted queue: at most as many jobs under way as there are workers."""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect_left, insort
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Job = TypeVar("Job")


@dataclass(order=True, slots=True)
class _Queued(Generic[Job]):
    """A queued job; equal ranks are in order of arrival."""

    rank: int
    number: int
    size: int = field(compare=False)
    job: Job = field(compare=False)


class Pool(Generic[Job]):
    """`workers` coroutines that do `work` on each queued job, the largest first; `work` may queue more jobs.

    `small` of the workers take the smallest job first, while the queued jobs give all workers more to do than the
    largest one. Small jobs spend most of their time waiting for answers, during which large ones use the network.
    """

    def __init__(self, workers: int, work: Callable[[Job], Awaitable[None]], small: int = 0) -> None:
        self._workers = workers
        self._work = work
        self._small = small
        #: The smallest job first; `_ready` has one entry for each.
        self._queued: list[_Queued[Job]] = []
        self._ready: asyncio.Queue[None] = asyncio.Queue()
        self._size = 0
        self._numbers = itertools.count()

    def put(self, job: Job, size: int = 0, rank: int | None = None) -> None:
        """Queue a job. `rank` replaces its size as the order of the queue; equal ones are taken in order of arrival."""
        insort(self._queued, _Queued(size if rank is None else rank, next(self._numbers), size, job))
        self._size += size
        self._ready.put_nowait(None)

    async def run(self, until: Awaitable[object]) -> None:
        """Work until `until` ends; an exception of `work` stops all workers and is raised in a group."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._serve(small=number < self._small)) for number in range(self._workers)]
            await until
            for worker in workers:
                worker.cancel()

    async def drained(self) -> None:
        """Wait until no job is queued or under way."""
        await self._ready.join()

    async def _serve(self, *, small: bool) -> None:
        while True:
            await self._ready.get()
            await self._work(self._next(small=small))
            self._ready.task_done()

    def _next(self, *, small: bool) -> Job:
        largest = self._queued[-1]
        if small and largest.size * self._workers < self._size:
            taken = self._queued.pop(0)
        else:
            taken = self._queued.pop(bisect_left(self._queued, largest.rank, key=lambda each: each.rank))
        self._size -= taken.size
        return taken.job
