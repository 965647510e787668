"""The tenant's two clocks: one for its data, and one in seconds for expiries and rate windows."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The time of one sandbox; `advance` moves both clocks.

    Only `advance` moves `moment()`, so that the same extracts are listed in every run. `seconds()` and `wall()` also
    follow the machine's clock; tokens, signed links and the rate limit use them.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._advanced = timedelta()

    def advance(self, by: timedelta) -> None:
        """Move both clocks forward; ValueError for a negative duration."""
        if by < timedelta():
            raise ValueError("the sandbox's clock only moves forward")
        self._advanced += by

    def moment(self) -> datetime:
        """Return the moment of the catalogue, in UTC."""
        return (self._start + self._advanced).astimezone(UTC)

    def seconds(self) -> float:
        """Return monotonic seconds, for expiries and rate windows."""
        return time.monotonic() + self._advanced.total_seconds()

    def wall(self) -> float:
        """Return seconds since 1970, for the expiries in links and assertions."""
        return time.time() + self._advanced.total_seconds()
