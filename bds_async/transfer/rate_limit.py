"""One rate limit for all bodies of a run."""

from __future__ import annotations

import asyncio
import time

#: Seconds of unused rate that may be used up in a burst.
SLACK = 0.1


class RateLimit:
    """Limits the bodies of a run to `rate` bytes a second together; None means no limit.

    Each chunk takes its time from one shared schedule, so that bodies take turns.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._free_at = time.monotonic()

    async def received(self, count: int) -> None:
        """Wait until the rate allows `count` more bytes."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now - SLACK) + count / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
