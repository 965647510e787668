"""How many extracts may be under way on a cluster: as many as it has threads, while it grows and shrinks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """At most `size` bodies of work at a time, in the order of asking. A `fixed` size does not change any more."""

    def __init__(self) -> None:
        self.size = 0
        self._is_fixed = False
        self._taken = 0
        self._changed = asyncio.Condition()

    def fix(self, most: int) -> int:
        """Keep the present size, at most `most`, from now on; return it."""
        self.size, self._is_fixed = min(self.size, most), True
        return self.size

    async def resize(self, size: int) -> None:
        """Take note of the present number of threads."""
        async with self._changed:
            self.size = self.size if self._is_fixed else size
            self._changed.notify_all()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Take a slot as soon as one is free."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._taken < self.size)
            self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            async with self._changed:
                self._changed.notify_all()
