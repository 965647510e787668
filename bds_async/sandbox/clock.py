"""The tenant's two times: the moment that its data stands for, and the seconds that lives are counted in."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Time of one sandbox; both times stand on what `advance` has added.

    `moment()` moves by `advance` alone, so that what is listed is the same in every run. `seconds()` runs with the
    machine as well: tokens, signed links and the rate limit live by it.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._advanced = timedelta()

    def advance(self, by: timedelta) -> None:
        """Let time pass; time does not run backwards (ValueError)."""
        if by < timedelta():
            raise ValueError("the sandbox's clock only moves forward")
        self._advanced += by

    def moment(self) -> datetime:
        """Give the moment at which the catalogue is seen, in UTC."""
        return (self._start + self._advanced).astimezone(UTC)

    def seconds(self) -> float:
        """Give a steady count of seconds for expiry and rate windows."""
        return time.monotonic() + self._advanced.total_seconds()

    def wall(self) -> float:
        """Give seconds since 1970 for expiries that are written into links and assertions."""
        return time.time() + self._advanced.total_seconds()
