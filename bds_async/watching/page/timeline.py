"""The timeline of a run: the lanes of the workers, and behind them the periods in which no new request was sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ...report import Hold, HoldKind, ReportedExtract
from ...support.text import counted
from .axis import Scale, ticks
from .bars import NARROW, Box, Lane, lanes_of
from .spans import Spans
from .words import seconds_text


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
    return Timeline(lanes_of(spans, key), list(_holds(spans)), ticks(spans), _description(spans))


@dataclass(slots=True)
class _Band:
    """Holds of one kind that are drawn together; `seconds` counts overlapping time only once."""

    began: float
    ended: float
    seconds: float
    count: int = 1

    def add(self, hold: Hold) -> None:
        """Add the part of a hold that no earlier one covers."""
        self.seconds += max(0.0, hold.ended - max(self.ended, hold.began))
        self.ended = max(self.ended, hold.ended)
        self.count += 1


def _holds(spans: Spans) -> Iterator[Box]:
    scale = Scale(spans)
    for kind, name, text in ((HoldKind.RATE_LIMIT, "limit", "Rate limit"), (HoldKind.OUTAGE, "outage", "Outage")):
        for band in _bands(spans, kind, scale):
            width = scale.width(band.began, band.ended)
            yield Box(scale.at(band.began), width, name, partial(_hold_title, text, band))


def _bands(spans: Spans, kind: HoldKind, scale: Scale) -> list[_Band]:
    """The holds of a kind; those without a visible gap between them are merged, which bounds their number."""
    bands: list[_Band] = []
    seen = (hold for hold in spans.report.holds if hold.kind is kind and scale.width(hold.began, hold.ended))
    for hold in sorted(seen, key=lambda hold: hold.began):
        if bands and scale.width(bands[-1].ended, hold.began) < NARROW:
            bands[-1].add(hold)
        else:
            bands.append(_Band(hold.began, hold.ended, hold.seconds))
    return bands


def _hold_title(name: str, band: _Band) -> str:
    times = f", {counted(band.count, 'time')}" if band.count > 1 else ""
    return f"{name}{times}: no new request for {seconds_text(band.seconds)}"


def _description(spans: Spans) -> str:
    failed = sum(span.has_failed for span in spans.all)
    return (
        f"{counted(len(spans.all), 'try')} by {counted(len(spans.lanes), 'worker')} in "
        f"{seconds_text(spans.seconds)}, {failed:,} of them failed. The table below has the numbers of each worker."
    )
