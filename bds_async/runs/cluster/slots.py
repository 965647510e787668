"""How many extracts may be under way on a cluster: as many as it has threads at the moment."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """At most `size` tasks at a time, first come, first served, plus `_ahead` more that wait for a thread."""

    def __init__(self) -> None:
        self.size = 0
        self._ahead = 0
        self._is_fixed = False
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = asyncio.Condition()

    def fix(self, most: int) -> int:
        """Freeze the size at its present value, at most `most`, with none ahead; return it."""
        self._ahead = 0
        self.size, self._is_fixed = min(self.size, most), True
        return self.size

    async def resize(self, threads: int, workers: int) -> None:
        """Set the present number of threads and of workers; each worker has one extract ahead."""
        async with self._changed:
            if not self._is_fixed:
                self.size, self._ahead = threads, workers
            self._changed.notify_all()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Take a slot as soon as one is free."""
        async with self._changed:
            await self._turn(asyncio.current_task())
            self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            async with self._changed:
                self._changed.notify_all()

    async def _turn(self, task: object) -> None:
        """Wait until a slot is free and every task that asked before has one."""
        self._waiting.append(task)
        try:
            await self._changed.wait_for(lambda: self._waiting[0] is task and self._taken < self.size + self._ahead)
        finally:
            self._waiting.remove(task)
            self._changed.notify_all()
