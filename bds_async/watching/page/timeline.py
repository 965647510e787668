"""The timeline of a run: a lane for each worker, a bar for each attempt. Positions are in percent of the width.

Attempts too short to be seen are drawn together, so that the drawing has a bounded number of bars.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from ...report import Hold, HoldKind, ReportedExtract
from ...support.text import counted
from ..tally import size_text
from .spans import Span, Spans, Wait
from .words import TEXT, name_of, seconds_text, shown

#: Bars of a drawing at most, the widest bar in percent that may be drawn with its neighbours, and how that grows.
MOST_BARS, NARROW, GROWTH = 1000, 0.12, 2.0
#: The least width of a bar, and the number of lanes at most.
LEAST, MOST_LANES = 0.15, 128


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left edge and width in percent; `kind` is its class, `title` makes its text."""

    x: float
    width: float
    kind: str
    title: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Lane:
    """What one worker did."""

    worker: int
    boxes: list[Box]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The lanes, the holds behind them, and the ticks of the axis (percent, text)."""

    lanes: list[Lane]
    holds: list[Box]
    ticks: list[tuple[float, str]]
    description: str

    @property
    def kinds(self) -> set[str]:
        """The kinds of boxes in it, for the legend."""
        return {box.kind for boxes in (self.holds, *(lane.boxes for lane in self.lanes)) for box in boxes}


def timeline_of(spans: Spans, key: ReportedExtract | None) -> Timeline:
    """Draw the attempts of a run; those of the extract `key` stand out."""
    narrow = NARROW
    lanes = _lanes(spans, key, narrow)
    while sum(len(lane.boxes) for lane in lanes) > MOST_BARS:
        narrow *= GROWTH
        lanes = _lanes(spans, key, narrow)
    return Timeline(lanes, list(_holds(spans)), ticks(spans), _description(spans))


class Scale:
    """From seconds after the start of a run to percent of the width of a drawing."""

    def __init__(self, spans: Spans) -> None:
        self.began, self.ended = spans.window
        self.factor = 100 / (self.ended - self.began)

    def at(self, moment: float) -> float:
        """Return the place of a moment; one outside of the drawing is at its edge."""
        return (min(max(moment, self.began), self.ended) - self.began) * self.factor

    def width(self, began: float, ended: float) -> float:
        """Return the width of a time."""
        return self.at(ended) - self.at(began)


def ticks(spans: Spans) -> list[tuple[float, str]]:
    """Return at most seven round moments of the drawn part of a run, in percent, with their texts."""
    scale = Scale(spans)
    seconds = scale.ended - scale.began
    steps = (*(digit * 10.0**power for power in (-2, -1, 0) for digit in (1, 2, 5)), 10, 15, 30)
    steps += tuple(60.0 * each for each in (1, 2, 5, 10, 15, 30)) + tuple(3600.0 * 2**power for power in range(40))
    step = next((each for each in steps if seconds / each <= 6), steps[-1])
    numbers = range(math.ceil(scale.began / step), math.floor(scale.ended / step) + 1)
    return [(scale.at(number * step), _tick_text(number * step)) for number in numbers]


def _tick_text(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"


def _lanes(spans: Spans, key: ReportedExtract | None, narrow: float) -> list[Lane]:
    scale = Scale(spans)
    waits: dict[int, list[Box]] = defaultdict(list)
    for wait in spans.waits:
        if (width := scale.width(wait.began, wait.ended)) >= narrow:
            waits[wait.span.worker].append(Box(scale.at(wait.began), width, "retry", partial(_wait_title, wait)))
    drawing = _Drawing(scale, key, narrow)
    return [Lane(worker, [*waits[worker], *drawing.of(row)]) for worker, row in islice(spans.lanes.items(), MOST_LANES)]


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws the attempts of a lane; neighbours that are narrower than `narrow` percent are one box."""

    scale: Scale
    key: ReportedExtract | None
    narrow: float

    def of(self, row: list[Span]) -> Iterator[Box]:
        together: list[Span] = []
        for span in row:
            if together and not self._belongs(span, together[-1]):
                yield from self._drawn(together)
                together = []
            together.append(span)
        yield from self._drawn(together)

    def _belongs(self, span: Span, last: Span) -> bool:
        widths = ((last.ended, span.began), (span.began, span.ended), (last.began, last.ended))
        return all(self.scale.width(began, max(began, ended)) < self.narrow for began, ended in widths)

    def _kind(self, spans: list[Span]) -> str:
        if any(span.has_failed for span in spans):
            return "failed"
        return "key" if any(span.extract is self.key for span in spans) else "data"

    def _drawn(self, spans: list[Span]) -> Iterator[Box]:
        first, last = spans[0], spans[-1]
        began, kind, title = first.began, self._kind(spans), partial(_title, spans)
        ready = last.ended if first.is_lost else first.answered
        if len(spans) == 1 and (waited := self.scale.width(began, ready)) >= self.narrow:
            yield Box(self.scale.at(began), waited, "lost" if first.is_lost else "answer", title)
            began = ready
            if not (first.has_failed or first.bytes):
                return
        at = min(self.scale.at(began), 100 - LEAST)
        yield Box(at, max(LEAST, self.scale.width(began, last.ended)), kind, title)


def _title(spans: list[Span]) -> str:
    size = size_text(sum(span.bytes for span in spans))
    if len(spans) > 1:
        failed = sum(span.has_failed for span in spans)
        return f"{counted(len(spans), 'try')}, {size}{f', {failed} failed' if failed else ''}"
    span = spans[0]
    end = f". {shown(span.error, TEXT // 2)}" if span.error else ""
    waited = (
        f", {seconds_text(span.answered - span.began)} of it until the answer" if span.answered < span.ended else ""
    )
    return f"{name_of(span.extract)}: {size} in {seconds_text(span.ended - span.began)}{waited}{end}"


def _holds(spans: Spans) -> Iterable[Box]:
    words = {HoldKind.RATE_LIMIT: ("limit", "Rate limit"), HoldKind.OUTAGE: ("outage", "Outage")}
    scale = Scale(spans)
    for hold in spans.report.holds:
        kind, name = words[hold.kind]
        if width := scale.width(hold.began, hold.ended):
            yield Box(scale.at(hold.began), width, kind, partial(_hold_title, name, hold))


def _wait_title(wait: Wait) -> str:
    return f"{name_of(wait.span.extract)}: {seconds_text(wait.ended - wait.began)} until the next try"


def _hold_title(name: str, hold: Hold) -> str:
    return f"{name}: no new request for {seconds_text(hold.seconds)}"


def _description(spans: Spans) -> str:
    failed = sum(span.has_failed for span in spans.all)
    return (
        f"{counted(len(spans.all), 'try')} by {counted(len(spans.lanes), 'worker')} in "
        f"{seconds_text(spans.seconds)}, {failed:,} of them failed. The table below has the numbers of each worker."
    )
