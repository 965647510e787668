"""Who watches a run for the command line: the progress display, the report file, the log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

from ..events import Event, Finished, Observer
from ..watching.files import demand_writable, write
from ..watching.progress import Bars, Lines, Summary
from .own_files import demand_apart
from .settings import settings

log = logging.getLogger(__name__)


def observers(
    folder: Path, *, report: Path | None, no_progress: bool, metrics: Observer | None = None
) -> list[Observer]:
    """Everybody who watches a run into `folder`; raises ConfigError if the report could not, or may not, be written."""
    watching: list[Observer] = [_display(no_progress), Summary(log, folder)]
    if report is not None:
        demand_apart(report, "report", folder)
        demand_writable(report, "report")
        watching.append(ReportFile(report))
    if metrics is not None:
        watching.append(metrics)
    return watching


def all_of(watching: list[Observer]) -> Observer:
    """One observer that passes each event on."""

    def tell(event: Event) -> None:
        for observer in watching:
            observer(event)

    return tell


class ReportFile:
    """Writes the run report at the end of the run: atomically, or into what is there if that is no plain file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, event: Event) -> None:
        """Write the file; raises DestinationError."""
        if isinstance(event, Finished):
            write(self._path, event.report.to_json(), "report")


def _display(no_progress: bool) -> Callable[[Event], None]:
    current = settings()
    bars = sys.stderr.isatty() and not no_progress and current.verbosity >= 0 and current.log_format == "text"
    return Bars() if bars else Lines(log)
