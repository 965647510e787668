"""Numbers for concurrent jobs: each gets the lowest free one, from 1."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """The numbers from 1 to `most`; each is held by one job at a time."""

    def __init__(self, most: int) -> None:
        self._free = list(range(1, most + 1))

    @contextmanager
    def taken(self) -> Iterator[int]:
        """Take the lowest free number, and give it back at the end; raises IndexError if none is free."""
        number = heapq.heappop(self._free)
        try:
            yield number
        finally:
            heapq.heappush(self._free, number)
