"""The attempts of a run as spans of time, in the order in which the workers made them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from ...report import AttemptTimes, ReportedExtract, RunReportDocument, Status


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt, in seconds from the start of the run. The body arrived between `answered` and `ended`."""

    extract: ReportedExtract
    worker: int
    began: float
    answered: float
    ended: float
    bytes: int
    error: str | None
    has_failed: bool

    @property
    def is_lost(self) -> bool:
        """Whether it failed without receiving a byte."""
        return self.has_failed and not self.bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """The time between a failed attempt and the next one by the same worker."""

    span: Span
    began: float
    ended: float


class Spans:
    """The attempts of a run's workers, with their times; empty for a report without times."""

    def __init__(self, report: RunReportDocument) -> None:
        self.report = report
        self.all = sorted(_spans(report), key=lambda span: (span.began, span.worker))

    @cached_property
    def lanes(self) -> dict[int, list[Span]]:
        """The spans of each worker."""
        found: dict[int, list[Span]] = defaultdict(list)
        for span in self.all:
            found[span.worker].append(span)
        return dict(sorted(found.items()))

    @cached_property
    def waits(self) -> list[Wait]:
        """The periods in which a worker waited for the next try."""
        pairs = (pair for spans in self.lanes.values() for pair in pairwise(spans))
        return [
            Wait(one, one.ended, other.began)
            for one, other in pairs
            if one.extract is other.extract and one.error and other.began > one.ended
        ]

    @cached_property
    def seconds(self) -> float:
        """The duration of the run, at least up to the end of its last attempt."""
        return max([self.report.totals.seconds, *(span.ended for span in self.all)])

    @cached_property
    def ends(self) -> list[tuple[float, ReportedExtract]]:
        """When the last attempt of each extract ended, in chronological order."""
        last = {id(span.extract): (span.ended, span.extract) for span in sorted(self.all, key=lambda span: span.ended)}
        return list(last.values())

    @cached_property
    def window(self) -> tuple[float, float]:
        """The period from the first attempt until everything was settled, which the drawings show."""
        began = min((span.began for span in self.all), default=0.0)
        least = began + max(0.001, math.ulp(began))
        return began, max([self.settled, least, *(span.ended for span in self.all)])

    @cached_property
    def average(self) -> float:
        """Mean bytes a second from the first answer to the end of the last attempt."""
        seconds = max(span.ended for span in self.all) - min(span.answered for span in self.all)
        return sum(span.bytes for span in self.all) / max(seconds, 0.001)

    @cached_property
    def settled(self) -> float:
        """When the last extract was published or had failed, in seconds from the start; 0 if there was none."""
        begins: dict[int, Span] = {}
        for span in self.all:
            begins.setdefault(id(span.extract), span)
        return min(self.seconds, max((span.began + span.extract.seconds for span in begins.values()), default=0.0))


def _spans(report: RunReportDocument) -> Iterator[Span]:
    for extract in report.extracts:
        times = extract.attempt_times
        for number, each in enumerate(times, start=1):
            ends_badly = extract.status is Status.FAILED and number == len(times)
            yield _span(extract, each, has_failed=each.error is not None or ends_badly)


def _span(extract: ReportedExtract, times: AttemptTimes, *, has_failed: bool) -> Span:
    answered = times.began + min(times.waited, times.seconds)
    return Span(extract, times.worker, times.began, answered, times.ended, times.bytes, times.error, has_failed)
