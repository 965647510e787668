"""The times of the attempts to fetch one extract, for the run report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from ..errors import BdsError
from ..report import AttemptTimes

#: Attempts that are kept for one extract, so that a report stays bounded.
MOST = 1000
#: Seconds: an attempt that starts this soon after another of the same worker counts as its continuation.
AT_ONCE = 0.05
#: Latest attempts that are searched for one of the same worker: there are at most this many workers.
_RECENT = 64

#: Seconds since the start of a run.
Clock: TypeAlias = Callable[[], float]


class Attempt:
    """An attempt under way."""

    def __init__(self, worker: int = 1, clock: Clock = time.monotonic) -> None:
        self.bytes = 0
        self._worker = worker
        self._clock = clock
        self._began = clock()
        self._answered: float | None = None

    def answered(self) -> None:
        """Note that the body begins. Only the first body of an attempt counts."""
        self._answered = self._answered or self._clock()

    def times(self, error: str | None) -> AttemptTimes:
        """End the attempt and return its times."""
        now = self._clock()
        waited = (self._answered or now) - self._began
        return AttemptTimes(self._worker, self._began, waited, now - self._began, self.bytes, error)


class Attempts:
    """The attempts of one extract, in the order of their ends; at most MOST."""

    def __init__(self) -> None:
        self.all: list[AttemptTimes] = []

    @contextmanager
    def under_way(self, worker: int, clock: Clock = time.monotonic) -> Iterator[Attempt]:
        """Record the attempt made inside the context, also if it fails or is cancelled."""
        attempt, error = Attempt(worker, clock), None
        try:
            yield attempt
        except Exception as raised:
            # The text of a defect may quote a secret.
            error = str(raised) if isinstance(raised, BdsError) else type(raised).__name__
            raise
        finally:
            self._add(attempt.times(error))

    def take_over(self, made: Iterable[AttemptTimes], worker: int, origin: float) -> None:
        """Add attempts of another machine, whose times count from `origin`, as those of `worker`."""
        for each in made:
            self._add(replace(each, worker=worker, began=max(0.0, origin + each.began)))

    def spoil(self, error: str) -> None:
        """Mark the last attempt as failed: its bytes are unusable."""
        if self.all:
            self.all[-1].error = error

    def _add(self, times: AttemptTimes) -> None:
        known = next((each for each in self.all[: -_RECENT - 1 : -1] if each.worker == times.worker), None)
        if known is not None and known.error is None and times.began - known.ended < AT_ONCE:
            known.seconds = times.ended - known.began
            known.waited += times.waited
            known.bytes += times.bytes
            known.error = times.error
        elif len(self.all) < MOST:
            self.all.append(times)
