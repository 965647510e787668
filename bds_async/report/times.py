"""The times of a run's requests, and of the tenant's holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .entries import Count, Seconds


@dataclass(slots=True)
class AttemptTimes:
    """One attempt to fetch an extract or a piece of it: by which worker, when, and what came of it.

    `worker` is the number of a place in the pool, from 1. `began` counts from the start of the run. `waited` is the
    time until the body began: for the rate limit, for a connection, for the answer. `seconds` is the time to the
    attempt's end, `bytes` what came meanwhile. `error` says why it failed; null if it did not. Pieces that a worker
    fetched one after the other are one attempt.
    """

    worker: Count
    began: Seconds
    waited: Seconds
    seconds: Seconds
    bytes: Count
    error: str | None = None

    @property
    def ended(self) -> float:
        """Seconds from the start of the run to its end."""
        return self.began + self.seconds


class HoldKind(StrEnum):
    """Why no new request was sent to the tenant."""

    RATE_LIMIT = "rate_limit"
    OUTAGE = "outage"


@dataclass(slots=True)
class Hold:
    """A time in which no new request was sent to the tenant. `began` counts from the start of the run."""

    kind: HoldKind
    began: Seconds
    seconds: Seconds

    @property
    def ended(self) -> float:
        """Seconds from the start of the run to its end."""
        return self.began + self.seconds
