"""The notices of a run: each has a text for a person, and an event with fields for a program."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from ..errors import AuthorisationError
from ..events import (
    Ended,
    Event,
    Held,
    ListsRead,
    Mirrored,
    Mirroring,
    OutageBegan,
    OutageEnded,
    Planned,
    Started,
    Surveyed,
    Warned,
)
from ..options import PublishAs
from ..report import ExtractEntry, FailedList, Gap, Outcome, RunReport, Status, Totals, fields_of
from ..support.text import counted, size_text
from .mirror_notices import applied, mirroring
from .notice import Notice

#: The most failures that the summary names one by one, and the least extracts with the same error that share a notice.
MOST_FAILURES, ONE_CAUSE = 50, 5
#: What happens next to a failed extract.
AGAIN = "The next run tries"
#: The end of the error of an extract that the tenant refuses.
_FORBIDDEN = "answered 403"
#: A name in an error, such as that of a zip's member.
_QUOTED = re.compile(r"(?<!\w)('[^']*'|\"[^\"]*\")(?!\w)")


def notice_of(event: Event) -> Notice | None:
    """Return the notice of an event; None if the event is not worth a line."""
    match event:
        case Planned(extracts, skipped):
            counts = {"extracts": len(extracts), "skipped": skipped, "bytes": _listed_bytes(event)}
            return Notice(logging.INFO, plan_text(event), "run.planned", counts)
        case Held() | OutageBegan() | OutageEnded():
            return Notice(logging.INFO, str(event), event.about, asdict(event))
        case Mirroring():
            return mirroring(event)
        case Mirrored():
            return applied(event)
        case Warned(message, about):
            return Notice(logging.WARNING, message, about)
        case Surveyed(files, size):
            text = f"{counted(files, 'file')} to verify, {size_text(size)}."
            return Notice(logging.INFO, text, "verify.planned", {"files": files, "bytes": size})
        case Started() | Ended():
            return _of_transfer(event)
    return None


def _of_transfer(event: Started | Ended) -> Notice | None:
    match event:
        case Started(extract, held_bytes):
            held = f", {size_text(held_bytes)} of it already there" if held_bytes else ""
            fields = {"data_set": extract.data_set, "bds_type": extract.bds_type, "held_bytes": held_bytes}
            return Notice(logging.DEBUG, f"{extract}: download starts{held}.", "extract.started", fields)
        case Ended(outcome) if outcome.status is Status.DOWNLOADED:
            return extract_published(outcome)
    return None


def lists_text(event: ListsRead) -> str:
    """Describe the progress of reading the catalogue."""
    if event.total is None:
        return "Reading the list of data sets"
    if event.read == event.total:
        return "Comparing the extract lists with the ledger"
    return f"Reading extract lists: {event.read} of {event.total}"


def lists_progress(event: ListsRead) -> Notice:
    """Return the notice of the progress of reading the catalogue."""
    return Notice(logging.INFO, lists_text(event), "lists.progress", {"lists": event.total, "lists_read": event.read})


def plan_text(event: Planned) -> str:
    """Describe the size of a plan, or why there is nothing to do."""
    if event.extracts:
        size = size_text(_listed_bytes(event))
        return f"{counted(len(event.extracts), 'extract')} to fetch, about {size}; {event.skipped} already there."
    if event.skipped:
        return f"Nothing to fetch; {counted(event.skipped, 'extract')} already there."
    return f"Nothing to fetch{': ' if event.why else ''}{event.why}."


def failures(report: RunReport) -> Iterator[Notice]:
    """Yield a notice for each cause of failed extracts, each failed extract list and each open gap.

    At most MOST_FAILURES are named. If the tenant refused all that failed, the error of the run says so for them.
    """
    failed = [each for each in report.outcomes if each.status is Status.FAILED]
    are_refused = len(failed) > 1 and all(_FORBIDDEN in (each.error or "") for each in failed)
    found = [] if are_refused and report.exit_code == AuthorisationError.exit_code else list(_causes(failed))
    found += map(list_failed, report.failed_lists)
    found += gaps_open([gap for gap in report.gaps if gap.closed_by is None])
    yield from islice(found, MOST_FAILURES)
    if more := len(found[MOST_FAILURES:]):
        text = f"and {more} more; --report FILE has them all."
        yield Notice(logging.ERROR, text, "run.more_failures", {"count": more})


def _causes(failed: Sequence[Outcome]) -> Iterator[Notice]:
    """One notice for each extract, but a shared one for many extracts whose errors differ at most in quoted names."""
    by_cause: dict[str, list[Outcome]] = {}
    for outcome in failed:
        by_cause.setdefault(_QUOTED.sub("", outcome.error or ""), []).append(outcome)
    for outcomes in by_cause.values():
        if len(outcomes) < ONE_CAUSE:
            yield from map(extract_failed, outcomes)
        else:
            yield _failed_alike(outcomes)


def _failed_alike(outcomes: Sequence[Outcome]) -> Notice:
    first, count = outcomes[0], counted(len(outcomes), "extract")
    names = [str(outcome.extract) for outcome in outcomes[:MOST_FAILURES]]
    fields = {"count": len(outcomes), "error": first.error, "extracts": names}
    if all(outcome.error == first.error for outcome in outcomes):
        text = f"{count} failed: {first.error} The first: {first.extract}. {AGAIN} them again."
    else:
        text = f"{count} failed in the same way. The first: {first.extract}: {first.error} {AGAIN} them again."
    return Notice(logging.ERROR, text, "run.failed_alike", fields)


def extract_published(outcome: Outcome) -> Notice:
    """Return the notice of a published extract."""
    size = outcome.bytes or 0
    text = f"{outcome.path}: published, {size_text(size)} in {outcome.seconds:.1f} s."
    return Notice(
        logging.DEBUG,
        text,
        "extract.published",
        {"data_set": outcome.extract.data_set, "path": outcome.path, "bytes": size},
    )


def extract_failed(outcome: Outcome) -> Notice:
    """Return the notice of a failed extract."""
    extract = outcome.extract
    entry = fields_of(ExtractEntry.of(extract, extract.data_set, extract.schema_id))
    fields = {**entry, "error": outcome.error, "attempts": outcome.attempts}
    return Notice(logging.ERROR, f"{extract} failed: {outcome.error} {AGAIN} it again.", "extract.failed", fields)


def list_failed(failed: FailedList) -> Notice:
    """Return the notice of an extract list that could not be fetched or read, or that is no longer offered."""
    text = f"{failed.data_set}: {failed.error}"
    return Notice(logging.ERROR, text, "list.failed", fields_of(failed))


def gap_open(gap: Gap) -> Notice:
    """Return the notice of an open gap."""
    return Notice(logging.ERROR, str(gap), "gap.open", fields_of(gap))


def gaps_open(gaps: Sequence[Gap]) -> list[Notice]:
    """Return the notices of open gaps; many gaps share one, since they have the same cause and remedy."""
    if len(gaps) < ONE_CAUSE:
        return [gap_open(gap) for gap in gaps]
    text = f"{counted(len(gaps), 'gap')}, since differentials expired before sync ran. The first: {gaps[0]}"
    return [Notice(logging.ERROR, text, "gap.open", {"count": len(gaps), **fields_of(gaps[0])})]


def finished(report: RunReport, folder: Path | str) -> Notice:
    """Return the summary of a run into `folder`, a path or the address of an object store."""
    place = folder.absolute() if isinstance(folder, Path) else folder
    fields = {"exit_code": report.exit_code, "folder": folder, **fields_of(Totals.of(report))}
    return Notice(logging.INFO, f"{place}: {summary(report)}", "run.finished", fields)


def summary(report: RunReport) -> str:
    """Return one line with the numbers of extracts by status, of retries and gaps, the bytes and the duration."""
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
    parts = [part for part, count in counts.items() if count]
    if _only_mirrored(report):
        return f"{', '.join(['nothing new to download', *parts])}; the mirror took {report.seconds:.1f} s."
    parts = [f"{report.count(Status.DOWNLOADED)} downloaded", *parts]
    size = f"{size_text(report.published_bytes)}{_written(report)}"
    return f"{', '.join(parts)}; {size} in {report.seconds:.1f} s{_resumed(report)}."


def _written(report: RunReport) -> str:
    """The word after the bytes if they are not those of the downloads."""
    paths = [outcome.path for outcome in report.outcomes if outcome.status is Status.DOWNLOADED and outcome.path]
    return " written" if any(PublishAs.of(path) is not PublishAs.ZIP for path in paths) else ""


def _resumed(report: RunReport) -> str:
    """How much of the downloads an earlier run had received, for which this run took no time; empty if nothing."""
    size = sum(outcome.resumed_bytes for outcome in report.outcomes if outcome.status is Status.DOWNLOADED)
    return f", with {size_text(size)} received by an earlier run" if size else ""


def _only_mirrored(report: RunReport) -> bool:
    tables = report.mirror.tables if report.mirror is not None and report.mirror.error is None else ()
    return not report.count(Status.DOWNLOADED) and any(table.applied for table in tables)


def _listed_bytes(event: Planned) -> int:
    return sum(extract.download_size or 0 for extract in event.extracts)
