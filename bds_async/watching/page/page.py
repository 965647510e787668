"""The page of a run report: one HTML document without external references."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ...report import RunReportDocument
from ...support.extras import missing
from . import tables, words
from .axis import ticks
from .shares import Cause, Shares
from .spans import Spans
from .throughput import throughput_of
from .timeline import timeline_of
from .verdict import verdict

if TYPE_CHECKING:
    from jinja2 import Template

#: The meaning of each exit code, and the style of its badge.
_CODES = {
    0: ("Done", "good"),
    1: ("A defect in bds-async", "bad"),
    2: ("Usage or config", "bad"),
    3: ("A part failed", "fair"),
    4: ("Authorisation refused", "bad"),
    5: ("Brightspace was not reached", "bad"),
    6: ("The destination, or a limit of this machine", "bad"),
    75: ("Another run held the folder", "fair"),
}
#: The least share of a run with which a cause is drawn.
_VISIBLE = 0.005


def demand_package() -> None:
    """Raise ConfigError if jinja2 is not installed."""
    if find_spec("jinja2") is None:
        raise missing("--html", "jinja2", "report")


def page_of(report: RunReportDocument) -> str:
    """Return the page; raises ConfigError if jinja2 is not installed."""
    demand_package()
    spans = Spans(report)
    shares = Shares(spans)
    is_key = next(iter(shares.seconds), None) is Cause.LAST
    throughput = throughput_of(spans)
    return _template().render(
        report=report,
        host=words.shown(report.tenant, 120).partition("/")[0],
        badge=_CODES.get(report.exit_code, ("Stopped by a signal" if report.exit_code > 128 else "Ended", "fair")),
        verdict=verdict(spans, shares),
        shares=_visible(shares, spans.seconds),
        seconds=spans.seconds,
        timeline=timeline_of(spans, spans.ends[-1][1] if is_key else None) if spans.all else None,
        throughput=throughput,
        ticks=ticks(spans) if spans.all else [],
        workers=tables.workers(spans),
        rates=tables.rates(spans, throughput.rates) if throughput is not None else None,
        retried=tables.retried(spans),
        **{make.__name__: make(report) for make in _TABLES},
    )


_TABLES: tuple[Callable[[RunReportDocument], tables.Table], ...] = (
    tables.failures,
    tables.failed_lists,
    tables.slowest,
    tables.largest,
    tables.gaps,
    tables.columns,
    tables.mirror,
    tables.mirror_notes,
)


def _visible(shares: Shares, seconds: float) -> list[dict[str, Any]]:
    """The causes as parts of one bar, in the order of Cause."""
    found, at = [], 0.0
    for cause in Cause:
        width = 100 * shares.seconds.get(cause, 0.0) / seconds if seconds else 0.0
        if width >= 100 * _VISIBLE:
            found.append({"cause": cause, "x": at, "width": width, "seconds": shares.seconds[cause]})
        at += width
    return found


@cache
def _template() -> Template:
    import jinja2

    from ...support.text import size_text

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_source),
    )
    environment.filters |= {
        "size": size_text,
        "seconds": words.seconds_text,
        "rate": words.rate_text,
        "moment": words.moment_text,
        "shown": words.shown,
        "place": lambda percent: f"{percent:.2f}".rstrip("0").rstrip("."),
    }
    return environment.get_template("run-report.html.j2")


def _source(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text("utf-8")
