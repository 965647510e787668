"""Watches a run for a person: bars on a terminal, a plain line now and then elsewhere, a summary at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ..events import (
    Ended,
    Event,
    Examined,
    Finished,
    Held,
    Planned,
    Read,
    Received,
    Restarted,
    Reviewed,
    Started,
    Surveyed,
    Warned,
)
from ..models import Extract, Identity
from ..report import Outcome, RunReport, Status
from ..support.text import counted

#: Seconds between two lines where there is no terminal.
INTERVAL = 10.0
#: Transfers that have a bar of their own at a time.
MOST_BARS = 16
#: Failures that the summary names one by one.
MOST_FAILURES = 50


def size_text(size: float) -> str:
    """Bytes for people: `12.3 MB`, in powers of ten as disks have them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


class Tally:
    """How far a run is: files and bytes, wanted and done."""

    def __init__(self) -> None:
        self.what = "extract"
        self.files = 0
        self.files_done = 0
        self.failed = 0
        self.bytes = 0
        self.bytes_done = 0

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Planned(extracts):
                self._begin("extract", len(extracts), sum(extract.download_size or 0 for extract in extracts))
            case Surveyed(files, size):
                self._begin("file", files, size)
            case Started(_, more) | Received(_, more) | Read(more):
                self.bytes_done += more
            case Examined():
                self.files_done += 1
            case Restarted(_, lost_bytes):
                self.bytes_done -= lost_bytes
            case Ended(outcome):
                self.files_done += 1
                self.failed += outcome.status is Status.FAILED

    @property
    def done(self) -> str:
        """How many files are done, of how many."""
        return f"{self.files_done} of {counted(self.files, self.what)}"

    @property
    def failures(self) -> str:
        """How many failed, to be put behind the rest; nothing for none."""
        return f", {self.failed} failed" if self.failed else ""

    def _begin(self, what: str, files: int, size: int) -> None:
        self.what, self.files, self.bytes = what, files, size
        self.files_done = self.bytes_done = 0


class Lines:
    """A line in the log now and then, for logs and mails."""

    def __init__(self, log: logging.Logger, interval: float = INTERVAL) -> None:
        self._log = log
        self._interval = interval
        self._tally = Tally()
        self._next = time.monotonic() + interval

    def __call__(self, event: Event) -> None:
        """Log what a reader of the log would miss."""
        self._tally(event)
        match event:
            case Surveyed(files, size):
                self._log.info("%s to verify, %s.", counted(files, "file"), size_text(size))
            case Planned() | Held():
                self._log.info("%s", notice(event))
            case Warned():
                self._log.warning("%s", notice(event))
        if time.monotonic() >= self._next and self._tally.files:
            self._next = time.monotonic() + self._interval
            self._log.info("%s", self._line())

    def _line(self) -> str:
        tally = self._tally
        sizes = f"{size_text(tally.bytes_done)} of about {size_text(tally.bytes)}"
        return f"{tally.done}, {sizes}{tally.failures}"


class Bars:
    """Bars on a terminal: overall bytes, files, rate and time left, and the transfers in flight."""

    def __init__(self, console: Console | None = None) -> None:
        self._tally = Tally()
        self._bars: dict[Identity, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._overall = self._progress.add_task("", total=None)

    def __call__(self, event: Event) -> None:
        """Move the bars."""
        self._tally(event)
        match event:
            case Planned(extracts=()) | Held() | Warned():
                self._progress.console.print(notice(event), markup=False, highlight=False)
            case Planned() | Surveyed():
                self._progress.start()
            case Started(extract, held_bytes):
                self._add(extract, held_bytes)
            case Received(extract, new_bytes):
                self._advance(extract, new_bytes)
            case Restarted(extract, lost_bytes):
                self._advance(extract, -lost_bytes)
            case Ended(outcome):
                self._remove(outcome)
            case Finished() | Reviewed():
                self._progress.stop()
        self._show_overall()

    def _show_overall(self) -> None:
        tally = self._tally
        text = f"{tally.done}{tally.failures}"
        total = max(tally.bytes, tally.bytes_done) or None
        self._progress.update(self._overall, description=text, total=total, completed=max(0, tally.bytes_done))

    def _add(self, extract: Extract, held_bytes: int) -> None:
        if len(self._bars) < MOST_BARS:
            name = f"  {extract.data_set:.40} ({extract.bds_type.folder})"
            bar = self._progress.add_task(name, total=extract.download_size, completed=held_bytes)
            self._bars[extract.identity] = bar

    def _advance(self, extract: Extract, new_bytes: int) -> None:
        bar = self._bars.get(extract.identity)
        if bar is not None:
            self._progress.advance(bar, new_bytes)

    def _remove(self, outcome: Outcome) -> None:
        bar = self._bars.pop(outcome.extract.identity, None)
        if bar is not None:
            self._progress.remove_task(bar)


class Summary:
    """Says at the end what arrived in `folder`, what did not, and why."""

    def __init__(self, log: logging.Logger, folder: Path) -> None:
        self._log = log
        self._folder = folder

    def __call__(self, event: Event) -> None:
        """Log the summary when the run is over."""
        if isinstance(event, Finished):
            for line in failures(event.report):
                self._log.error("%s", line)
            self._log.info("%s: %s", self._folder.absolute(), summary(event.report))


def summary(report: RunReport) -> str:
    """One line: how many extracts arrived, were there already, failed or are pending, retries, bytes and time."""
    closed = sum(gap.closed_by is not None for gap in report.gaps)
    counts = {
        f"{report.count(Status.SKIPPED)} there already": report.count(Status.SKIPPED),
        f"{report.count(Status.FAILED)} failed": report.count(Status.FAILED),
        f"{report.count(Status.PENDING)} pending": report.count(Status.PENDING),
        f"{counted(len(report.failed_lists), 'extract list')} failed": len(report.failed_lists),
        f"{counted(closed, 'gap')} closed": closed,
        f"{counted(len(report.gaps) - closed, 'gap')} open": len(report.gaps) - closed,
        counted(report.counters.retries, "retry"): report.counters.retries,
    }
    parts = [f"{report.count(Status.DOWNLOADED)} downloaded", *(part for part, count in counts.items() if count)]
    return f"{', '.join(parts)}; {size_text(report.published_bytes)} in {report.seconds:.1f} s."


def failures(report: RunReport) -> Iterable[str]:
    """A line for each extract and extract list that failed, and each open gap: which one and why."""
    lines = [
        f"{outcome.extract} failed: {outcome.error}" for outcome in report.outcomes if outcome.status is Status.FAILED
    ]
    lines += [f"The extract list of {failed.data_set} would not come: {failed.error}" for failed in report.failed_lists]
    lines += [str(gap) for gap in report.gaps if gap.closed_by is None]
    if len(lines) <= MOST_FAILURES:
        return lines
    return [*lines[:MOST_FAILURES], f"and {len(lines) - MOST_FAILURES} more; --report FILE has them all."]


def plan_text(event: Planned) -> str:
    """What a plan comes to, or why to nothing."""
    if event.extracts:
        size = size_text(sum(extract.download_size or 0 for extract in event.extracts))
        return f"{counted(len(event.extracts), 'extract')} to fetch, about {size}; {event.skipped} there already."
    if event.skipped:
        return f"Nothing to fetch; {counted(event.skipped, 'extract')} there already."
    return f"Nothing to fetch{': ' if event.why else ''}{event.why}."


def notice(event: Planned | Held | Warned) -> str:
    """A plan, a wait or a warning in words."""
    match event:
        case Planned():
            return plan_text(event)
        case Held(why, seconds):
            return f"Waiting {seconds:.0f} s: {why}"
        case Warned(message):
            return message
