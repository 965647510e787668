"""What a run says in words: each notice has a text for a person, and an event with fields for a program."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from ..events import Event, Held, OutageBegan, OutageEnded, Planned, Surveyed, Warned
from ..report import ExtractEntry, FailedList, Gap, Outcome, RunReport, Status, fields_of
from ..support.log import event as log_event
from ..support.text import counted
from .tally import size_text

#: Failures that the summary names one by one.
MOST_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the log: `level` as `logging` has it, `text` for a person, `event` and `fields` for a program."""

    level: int
    text: str
    event: str
    fields: Mapping[str, object] = field(default_factory=dict)

    def log(self, logger: logging.Logger) -> None:
        """Write the line."""
        logger.log(self.level, "%s", self.text, extra=log_event(self.event, **self.fields))


def notice_of(event: Event) -> Notice | None:
    """Return the notice of an event; None for an event that is not worth a line."""
    match event:
        case Planned(extracts, skipped):
            counts = {"extracts": len(extracts), "skipped": skipped, "bytes": _listed_bytes(event)}
            return Notice(logging.INFO, plan_text(event), "run.planned", counts)
        case Held() | OutageBegan() | OutageEnded():
            return Notice(logging.INFO, str(event), event.about, asdict(event))
        case Warned(message, about):
            return Notice(logging.WARNING, message, about)
        case Surveyed(files, size):
            text = f"{counted(files, 'file')} to verify, {size_text(size)}."
            return Notice(logging.INFO, text, "verify.planned", {"files": files, "bytes": size})
    return None


def plan_text(event: Planned) -> str:
    """Return what a plan amounts to, or why there is nothing to do."""
    if event.extracts:
        size = size_text(_listed_bytes(event))
        return f"{counted(len(event.extracts), 'extract')} to fetch, about {size}; {event.skipped} already there."
    if event.skipped:
        return f"Nothing to fetch; {counted(event.skipped, 'extract')} already there."
    return f"Nothing to fetch{': ' if event.why else ''}{event.why}."


def failures(report: RunReport) -> Iterator[Notice]:
    """Yield a notice for each failed extract, each failed extract list and each open gap, up to MOST_FAILURES."""
    found = [extract_failed(each) for each in report.outcomes if each.status is Status.FAILED]
    found += map(list_failed, report.failed_lists)
    found += [gap_open(gap) for gap in report.gaps if gap.closed_by is None]
    yield from islice(found, MOST_FAILURES)
    if more := len(found[MOST_FAILURES:]):
        text = f"and {more} more; --report FILE has them all."
        yield Notice(logging.ERROR, text, "run.more_failures", {"count": more})


def extract_failed(outcome: Outcome) -> Notice:
    """Return the notice of a failed extract."""
    extract = outcome.extract
    entry = fields_of(ExtractEntry.of(extract, extract.data_set, extract.schema_id))
    fields = {**entry, "error": outcome.error, "attempts": outcome.attempts}
    return Notice(logging.ERROR, f"{extract} failed: {outcome.error}", "extract.failed", fields)


def list_failed(failed: FailedList) -> Notice:
    """Return the notice of an extract list that could not be fetched."""
    text = f"Could not fetch the extract list of {failed.data_set}: {failed.error}"
    return Notice(logging.ERROR, text, "list.failed", fields_of(failed))


def gap_open(gap: Gap) -> Notice:
    """Return the notice of an open gap."""
    return Notice(logging.ERROR, str(gap), "gap.open", fields_of(gap))


def finished(report: RunReport, folder: Path) -> Notice:
    """Return the summary of a run into `folder`."""
    fields = {"exit_code": report.exit_code, "folder": folder, **report.document()["totals"]}
    return Notice(logging.INFO, f"{folder.absolute()}: {summary(report)}", "run.finished", fields)


def summary(report: RunReport) -> str:
    """Return one line: the numbers of extracts by status, of retries and gaps, the bytes and the duration."""
    closed = sum(gap.closed_by is not None for gap in report.gaps)
    counts = {
        f"{report.count(Status.SKIPPED)} already there": report.count(Status.SKIPPED),
        f"{report.count(Status.FAILED)} failed": report.count(Status.FAILED),
        f"{report.count(Status.PENDING)} pending": report.count(Status.PENDING),
        f"{counted(len(report.failed_lists), 'extract list')} failed": len(report.failed_lists),
        f"{counted(closed, 'gap')} closed": closed,
        f"{counted(len(report.gaps) - closed, 'gap')} open": len(report.gaps) - closed,
        counted(report.counters.retries, "retry"): report.counters.retries,
    }
    parts = [f"{report.count(Status.DOWNLOADED)} downloaded", *(part for part, count in counts.items() if count)]
    return f"{', '.join(parts)}; {size_text(report.published_bytes)} in {report.seconds:.1f} s."


def _listed_bytes(event: Planned) -> int:
    return sum(extract.download_size or 0 for extract in event.extracts)
