"""The bars of a timeline: a lane for each worker, a bar for each attempt and for each wait after one.

Attempts too short to be visible are drawn together, so that the number of bars is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise

from ...report import ReportedExtract
from ...support.text import counted, size_text
from .axis import Scale
from .spans import Span, Spans, Wait
from .words import TEXT, name_of, seconds_text, shown

#: The most bars of a drawing, the width in percent below which bars are drawn together, and its growth factor.
MOST_BARS, NARROW, GROWTH = 1000, 0.12, 2.0
#: The least width of a bar, and the most lanes.
LEAST, MOST_LANES = 0.15, 128


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left edge and width in percent; `kind` is its class, `title` returns its text."""

    x: float
    width: float
    kind: str
    title: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Lane:
    """The boxes of one worker."""

    worker: int
    boxes: list[Box]


@dataclass(slots=True)
class _Bar:
    """An attempt in percent of the width; `ready` is when its answer arrived, or its end if it is lost."""

    span: Span
    began: float
    ready: float
    ended: float

    @property
    def has_two_boxes(self) -> bool:
        """Whether more than the wait for the answer is drawn."""
        return self.span.has_failed or bool(self.span.bytes)


@dataclass(frozen=True, slots=True)
class _Row:
    """The attempts and waits of one worker, in percent of the width. `joints` has a width for each pair of neighbours.

    Two neighbours share a box if each of them, and the time between them, is narrower than a threshold.
    """

    worker: int
    bars: list[_Bar]
    joints: list[float]
    waits: list[tuple[float, float, Wait]]

    def widths(self) -> Iterator[float]:
        """Yield the widths of possible boxes: each adds a box to the first one if it is not too narrow."""
        yield from self.joints
        yield from (bar.ready - bar.began for bar in self.bars if bar.has_two_boxes)
        yield from (width for _, width, _ in self.waits)


def lanes_of(spans: Spans, key: ReportedExtract | None) -> list[Lane]:
    """Draw the attempts of each worker; those of the extract `key` stand out."""
    rows = list(_rows(spans))
    narrow = _narrow(rows)
    return [Lane(row.worker, [*_waits(row, narrow), *_bars(row, key, narrow)]) for row in rows]


def _rows(spans: Spans) -> Iterator[_Row]:
    scale = Scale(spans)
    waits: dict[int, list[tuple[float, float, Wait]]] = defaultdict(list)
    for wait in spans.waits:
        waits[wait.span.worker].append((scale.at(wait.began), scale.width(wait.began, wait.ended), wait))
    for worker, row in islice(spans.lanes.items(), MOST_LANES):
        bars = [_bar(span, scale) for span in row]
        yield _Row(worker, bars, [_joint(*pair) for pair in pairwise(bars)], waits[worker])


def _bar(span: Span, scale: Scale) -> _Bar:
    began, ended = scale.at(span.began), scale.at(span.ended)
    return _Bar(span, began, ended if span.is_lost else scale.at(span.answered), ended)


def _joint(last: _Bar, bar: _Bar) -> float:
    return max(bar.began - last.ended, bar.ended - bar.began, last.ended - last.began)


def _narrow(rows: list[_Row]) -> float:
    """Return the width below which neighbours are drawn together, so that the number of boxes is bounded."""
    narrow = NARROW
    widths = [width for row in rows for width in row.widths() if width >= narrow]
    while len(rows) + len(widths) > MOST_BARS:
        narrow *= GROWTH
        widths = [width for width in widths if width >= narrow]
    return narrow


def _waits(row: _Row, narrow: float) -> Iterable[Box]:
    return (Box(at, width, "retry", partial(_wait_title, wait)) for at, width, wait in row.waits if width >= narrow)


def _bars(row: _Row, key: ReportedExtract | None, narrow: float) -> Iterator[Box]:
    first = 0
    for number, joint in enumerate(row.joints, start=1):
        if joint >= narrow:
            yield from _drawn(row.bars[first:number], key, narrow)
            first = number
    yield from _drawn(row.bars[first:], key, narrow)


def _drawn(bars: list[_Bar], key: ReportedExtract | None, narrow: float) -> Iterator[Box]:
    spans = [bar.span for bar in bars]
    first, began, title = bars[0], bars[0].began, partial(_title, spans)
    if len(bars) == 1 and (waited := first.ready - began) >= narrow:
        yield Box(began, waited, "lost" if first.span.is_lost else "answer", title)
        began = first.ready
        if not first.has_two_boxes:
            return
    yield Box(min(began, 100 - LEAST), max(LEAST, bars[-1].ended - began), _kind(spans, key), title)


def _kind(spans: list[Span], key: ReportedExtract | None) -> str:
    if any(span.has_failed for span in spans):
        return "failed"
    return "key" if any(span.extract is key for span in spans) else "data"


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


def _wait_title(wait: Wait) -> str:
    return f"{name_of(wait.span.extract)}: {seconds_text(wait.ended - wait.began)} until the next try"
