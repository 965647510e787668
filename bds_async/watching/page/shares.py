"""The shares of a run's time by cause: each moment counts for one cause."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import inf

from ...report import HoldKind
from .spans import Spans

#: In a tail, at most one in this many workers is busy.
FEW = 4


class Cause(StrEnum):
    """What a run spent a moment on; the value is the wording of the legend."""

    LISTS = "reading lists"
    DATA = "receiving data"
    ANSWERS = "waiting for answers"
    RETRIES = "failed tries"
    RATE_LIMIT = "rate limit"
    OUTAGE = "outage"
    TAIL = "few workers busy"
    LAST = "one extract left"
    PUBLISHING = "verifying, publishing"
    MIRROR = "mirror"
    REST = "the rest"


@dataclass(slots=True)
class _Workers:
    """The number of workers in each state at a moment; `broken` ones are in an attempt that gets bytes but fails."""

    waiting: int = 0
    receiving: int = 0
    broken: int = 0
    retrying: int = 0

    @property
    def busy(self) -> int:
        """The number of workers that have an attempt under way or wait for the next one."""
        return self.waiting + self.receiving + self.broken + self.retrying


@dataclass(slots=True)
class _Step:
    """A period in which no worker changes its state."""

    began: float
    ended: float
    workers: _Workers


class Shares:
    """The seconds of each cause, the largest first; empty for a run without attempts."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._first = min((span.began for span in spans.all), default=0.0)
        self._last = max((span.ended for span in spans.all), default=0.0)
        self._settled = spans.settled
        self._holds = {kind: _holds(spans, kind) for kind in HoldKind}
        steps = list(self._steps())
        self.tail = self._tail(steps)
        self.lone = self._lone()
        sums: dict[Cause, float] = defaultdict(float)
        for step in steps:
            sums[self._cause(step)] += step.ended - step.began
        self.seconds = dict(sorted(sums.items(), key=lambda item: -item[1])) if spans.all else {}

    def _steps(self) -> Iterator[_Step]:
        """Yield the time of the run in steps, split at each change."""
        changes: dict[float, list[tuple[str, int]]] = defaultdict(list)
        for state, began, ended in self._states():
            changes[began].append((state, 1))
            changes[ended].append((state, -1))
        edges = (edge for holds in self._holds.values() for hold in holds for edge in hold)
        moments = {0.0, self._settled, self._spans.seconds, *changes, *edges}
        now = _Workers()
        for began, ended in pairwise(sorted(moments)):
            for state, change in changes.get(began, ()):
                setattr(now, state, getattr(now, state) + change)
            yield _Step(began, ended, _Workers(now.waiting, now.receiving, now.broken, now.retrying))

    def _states(self) -> Iterator[tuple[str, float, float]]:
        """Yield the states of the workers with their times. A failed attempt that received bytes was still useful."""
        for span in self._spans.all:
            if span.is_lost:
                yield "retrying", span.began, span.ended
                continue
            yield "waiting", span.began, span.answered
            yield ("broken" if span.has_failed else "receiving"), span.answered, span.ended
        for wait in self._spans.waits:
            yield "retrying", wait.began, wait.ended

    def _tail(self, steps: list[_Step]) -> float:
        """When the final period began in which only few workers were busy."""
        few, began = max(1, len(self._spans.lanes) // FEW), self._last
        for step in reversed(steps):
            if step.began < self._last:
                if step.workers.busy > few:
                    break
                began = step.began
        return began if len(self._spans.lanes) > 1 else self._last

    def _lone(self) -> float:
        """When the last extract but one ended."""
        ends = self._spans.ends
        return ends[-2][0] if len(ends) > 1 and len(self._spans.lanes) > 1 else self._last

    def _cause(self, step: _Step) -> Cause:
        if not step.workers.receiving and (held := self._held(step)) is not None:
            return held
        if step.began < self._first:
            return Cause.LISTS
        if step.began >= self._last:
            return self._cause_after(step)
        return self._cause_of_workers(step)

    def _held(self, step: _Step) -> Cause | None:
        for kind, holds in self._holds.items():
            # Tuples compare by their first item, so this finds the hold that began last.
            found = bisect_right(holds, (step.began, inf)) - 1
            if found >= 0 and step.began < holds[found][1]:
                return Cause[kind.name]
        return None

    def _cause_after(self, step: _Step) -> Cause:
        if step.began < self._settled:
            return Cause.PUBLISHING
        return Cause.MIRROR if self._spans.report.mirror is not None else Cause.REST

    def _cause_of_workers(self, step: _Step) -> Cause:
        workers = step.workers
        if not workers.busy:
            return Cause.PUBLISHING
        if workers.retrying * 2 >= workers.busy:
            return Cause.RETRIES
        if step.began >= self.lone:
            return Cause.LAST
        if step.began >= self.tail:
            return Cause.TAIL
        return Cause.DATA if workers.receiving + workers.broken >= workers.waiting else Cause.ANSWERS


def _holds(spans: Spans, kind: HoldKind) -> list[tuple[float, float]]:
    """The holds of a kind, with overlapping ones merged."""
    found: list[tuple[float, float]] = []
    for began, ended in sorted(_within(spans, kind)):
        if found and began <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ended)
        else:
            found.append((began, ended))
    return found


def _within(spans: Spans, kind: HoldKind) -> Iterable[tuple[float, float]]:
    for hold in spans.report.holds:
        if hold.kind is kind and hold.began < spans.seconds:
            yield hold.began, min(hold.ended, spans.seconds)
