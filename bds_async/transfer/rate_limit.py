"""One limit on the rate of all bodies of a run."""

from __future__ import annotations

import asyncio
import time

#: Seconds of unused rate that may be made up for at once.
SLACK = 0.1


class RateLimit:
    """Holds the bodies of a run to `rate` bytes a second together; None holds nothing back.

    Each chunk takes its time from one schedule, so that bodies take turns.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._free_at = time.monotonic()

    async def received(self, count: int) -> None:
        """Wait until the rate allows so many bytes more."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now - SLACK) + count / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
