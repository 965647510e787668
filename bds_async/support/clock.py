"""The current time of a run. Everything that a run records or compares takes it from here, so tests can set it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


class Stopwatch:
    """The start and the duration of a run. A wall clock that is set back changes neither the order nor the duration."""

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
        """The present moment by the wall clock, or the start if the clock was set back behind it."""
        return max(self.started, now())
