"""The tables of the page. Each is bounded; the JSON of the report has everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...report import Gap, MirrorTableSummary, ReportedExtract, RunReportDocument, Status
from ...support.text import size_text
from .spans import Span, Spans
from .words import TEXT, kind_of, moment_text, name_of, names_text, rate_text, seconds_text, share_text, shown

#: The most rows of a ranking, and of the other tables.
TOP, MOST = 12, 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and whether it has numbers."""

    name: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; the first cell of a row is its heading. `left_out` counts rows that are not shown."""

    caption: str
    columns: tuple[Column, ...]
    rows: list[tuple[str, ...]]
    left_out: int = 0


def _table(caption: str, columns: str, rows: Iterable[tuple[str, ...]]) -> Table:
    """Create a table; `columns` has its headings, separated by `|`; `#` marks columns of numbers."""
    names = tuple(Column(name.lstrip("#"), name.startswith("#")) for name in columns.split("|"))
    found = list(rows)
    return Table(caption, names, found[:MOST], len(found[MOST:]))


def slowest(report: RunReportDocument) -> Table:
    """The extracts that took the longest, from the first request to publication."""
    rows = [
        (name_of(each), seconds_text(each.seconds), _size(each.bytes), _rate(each))
        for each in _top(report, lambda each: each.seconds)
    ]
    return _table("Slowest extracts", "Extract|#Time|#Size|#Rate", rows)


def largest(report: RunReportDocument) -> Table:
    """The largest published files."""
    rows = [
        (name_of(each), _size(each.bytes), seconds_text(each.seconds), _rate(each))
        for each in _top(report, lambda each: each.bytes or 0)
    ]
    return _table("Largest extracts", "Extract|#Size|#Time|#Rate", rows)


def _top(report: RunReportDocument, key: Callable[[ReportedExtract], float]) -> list[ReportedExtract]:
    fetched = [each for each in report.extracts if each.status is Status.DOWNLOADED and key(each)]
    return sorted(fetched, key=key, reverse=True)[:TOP]


def _size(size: int | None) -> str:
    return size_text(size) if size is not None else "–"


def _rate(extract: ReportedExtract) -> str:
    return rate_text(extract.bytes / extract.seconds) if extract.bytes and extract.seconds else "–"


def failures(report: RunReportDocument) -> Table:
    """The failed extracts by cause."""
    causes: dict[str, list[str]] = {}
    for each in report.extracts:
        if each.status is Status.FAILED:
            causes.setdefault(shown(each.error or "–", TEXT), []).append(kind_of(each))
    return _table("Failed extracts", "#Count|Cause|Extracts", _by_cause(causes))


def failed_lists(report: RunReportDocument) -> Table:
    """The extract lists that could not be read, by cause."""
    causes: dict[str, list[str]] = {}
    for each in report.failed_lists:
        causes.setdefault(shown(each.error, TEXT), []).append(shown(each.data_set))
    return _table("Extract lists that failed", "#Count|Cause|Data sets", _by_cause(causes))


def _by_cause(causes: dict[str, list[str]]) -> list[tuple[str, ...]]:
    found = sorted(causes.items(), key=lambda item: -len(item[1]))
    return [(f"{len(names):,}", cause, names_text(names)) for cause, names in found]


def retried(spans: Spans) -> Table:
    """The extracts that lost the most time in failed attempts and the waits after them."""
    lost: dict[int, float] = {}
    last: dict[int, Span] = {}
    for span in spans.all:
        if span.error:
            lost[id(span.extract)] = lost.get(id(span.extract), 0.0) + span.ended - span.began
            last[id(span.extract)] = span
    for wait in spans.waits:
        lost[id(wait.span.extract)] += wait.ended - wait.began
    worst = sorted(lost, key=lambda extract: -lost[extract])
    rows = [
        (name_of(last[each].extract), _tries(last[each].extract), seconds_text(lost[each]), _error(last[each]))
        for each in worst[:TOP]
    ]
    return _table("Retried extracts", "Extract|#Failed|#Lost|Last error", rows)


def _tries(extract: ReportedExtract) -> str:
    return f"{sum(times.error is not None for times in extract.attempt_times):,}"


def _error(span: Span) -> str:
    return shown(span.error or "", TEXT // 2)


def gaps(report: RunReportDocument) -> Table:
    """The gaps in the differentials, the open ones first."""
    found = sorted(report.gaps, key=lambda gap: gap.closed_by is not None)
    return _table("Gaps in the differentials", "Data set|Queued|Closed by", map(_gap, found))


def _gap(gap: Gap) -> tuple[str, ...]:
    end = shown(gap.closed_by, TEXT // 2) if gap.closed_by is not None else "open"
    edges = (("after", gap.after), ("before", gap.before))
    between = [f"{which} {moment_text(moment)}" for which, moment in edges if moment is not None]
    return shown(gap.data_set), ", ".join(between) or "–", end


def columns(report: RunReportDocument) -> Table:
    """The changes of columns, the breaking ones first."""
    changed = [(each, each.schema_change) for each in report.extracts if each.schema_change is not None]
    rows = [
        (name_of(each), change.kind.value, _columns(change.added), _columns(change.removed))
        for each, change in sorted(changed, key=lambda pair: pair[1].kind.value, reverse=True)
    ]
    return _table("Changes of columns", "Extract|Kind|Added|Removed", rows)


def _columns(names: Sequence[str]) -> str:
    return names_text([shown(name, 40) for name in names]) or "–"


def mirror(report: RunReportDocument) -> Table:
    """What the run did to the tables of the mirror."""
    tables = report.mirror.tables if report.mirror is not None else ()
    titles = "Table|#Extracts|#Inserted|#Updated|#Deleted|#Rejected|#Drift|Complete through"
    return _table("Tables of the mirror", titles, map(_mirrored, tables))


def _mirrored(table: MirrorTableSummary) -> tuple[str, ...]:
    counts = (table.applied, table.inserted, table.updated, table.deleted, table.rejected, table.drift)
    return shown(table.table), *(f"{count:,}" for count in counts), moment_text(table.complete_through)


def mirror_notes(report: RunReportDocument) -> Table:
    """The notes on the tables of the mirror, and the extracts that were not applied."""
    tables = report.mirror.tables if report.mirror is not None else ()
    problems = [(shown(table.table), shown(each.text, TEXT)) for table in tables for each in table.problems]
    notes = [(shown(table.table), shown(each, TEXT)) for table in tables for each in table.notes]
    return _table("Notes on the mirror", "Table|Note", problems + notes)


def workers(spans: Spans) -> Table:
    """The numbers of each worker: the timeline as a table."""
    rows = [(str(worker), *_work(lane, spans)) for worker, lane in spans.lanes.items()]
    titles = "Worker|#Tries|#Failed|#Received|#Busy|#Until the answer"
    return _table("The timeline as a table", titles, rows)


def _work(lane: list[Span], spans: Spans) -> tuple[str, ...]:
    busy = sum(span.ended - span.began for span in lane)
    return (
        f"{len(lane):,}",
        f"{sum(span.has_failed for span in lane):,}",
        size_text(sum(span.bytes for span in lane)),
        share_text(busy, spans.seconds),
        seconds_text(sum(span.answered - span.began for span in lane)),
    )


def rates(spans: Spans, found: Sequence[float]) -> Table:
    """The throughput as a table of twelve rows."""
    group = len(found) // TOP
    means = [sum(found[start : start + group]) / group for start in range(0, len(found), group)]
    start, end = spans.window
    edges = [start + (end - start) * i / len(means) for i in range(len(means) + 1)]
    times = [f"{one:,.1f} to {two:,.1f} s" for one, two in pairwise(edges)]
    rows = zip(times, map(rate_text, means), strict=True)
    return _table("The throughput as a table", "Time|#Rate", rows)
