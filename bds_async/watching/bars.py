"""An observer that shows a run as bars on a terminal."""

from __future__ import annotations

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
    Finished,
    Held,
    Mirroring,
    OutageBegan,
    OutageEnded,
    Planned,
    Received,
    Restarted,
    Reviewed,
    Started,
    Surveyed,
    Warned,
)
from ..models import Extract, Identity
from ..report import Outcome
from ..support.text import printable
from .notice import Notice
from .notices import notice_of
from .tally import Tally

#: Transfers that have a bar of their own at a time.
MOST_BARS = 16


class Bars:
    """Bars on a terminal: files, bytes, rate and time left of the run, and a bar for each transfer in flight."""

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
        """Show an event."""
        self._tally(event)
        match event:
            case Planned(extracts=()) | Held() | OutageBegan() | OutageEnded() | Warned():
                self._print(notice_of(event))
            case Planned() | Surveyed() | Mirroring():
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

    def _print(self, notice: Notice | None) -> None:
        if notice is not None:
            self._progress.console.print(printable(notice.text), markup=False, highlight=False)

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
