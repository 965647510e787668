"""The clock of a run. Every time that a run records or compares comes from here, so that tests can set it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


class Stopwatch:
    """The start and the duration of a run. Setting the wall clock back changes neither the order nor the duration."""

    def __init__(self) -> None:
        self.started = now()
        #: The start by the monotonic clock.
        self.origin = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start, by the monotonic clock."""
        return time.monotonic() - self.origin

    @property
    def finished(self) -> datetime:
        """The current time by the wall clock, or the start if the clock was set back before it."""
        return max(self.started, now())
