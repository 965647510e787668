"""What observes a run of the command line: the progress display, the summary, and the files written at the end."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..events import Observer
from ..report import RunReport
from ..runs.run import Save
from ..support.log import event
from ..support.patience import Patience
from ..support.running import Stop
from ..watching import Lines, MetricsFile, Summary, demand_writable, write
from ..workspace import Workspace
from .own_files import demand_apart
from .settings import settings

logger = logging.getLogger(__name__)
Subject = TypeVar("Subject")


@contextmanager
def observing(workspace: Workspace, *, no_progress: bool) -> Iterator[Observer]:
    """Give what shows a run, and its summary at the end."""
    with displaying(no_progress=no_progress) as display:
        yield all_of([display, Summary(logger, Path(workspace.to) if workspace.store is None else workspace.to)])


@contextmanager
def displaying(*, no_progress: bool = False) -> Iterator[Observer]:
    """Give what shows the progress: rows on a terminal, else lines of the log."""
    if no_progress or not _is_for_rows():
        yield Lines(logger)
        return
    # Only a terminal is worth the time that the import of rich takes.
    from ..watching.view import View

    with View(logger) as view:
        yield view


def savers(workspace: Workspace, stop: Stop, report: Path | None, metrics: MetricsFile | None = None) -> list[Save]:
    """Return what writes the report of a run; raises ConfigError if a file cannot, or may not, be written."""
    found: list[Save] = []
    if report is not None:
        demand_apart(report, "report", workspace)
        demand_writable(report, "report")
        found.append(ReportFile(report, stop.patience))
    if metrics is not None:
        found.append(metrics.save)
    return found


def warn_of_no_report(report: Path | None) -> None:
    """Log a warning if a dry run is asked for a report, which it does not write."""
    if report is not None:
        text = "--dry-run writes no report: %s stays as it is. With --json it prints the plan as lines of JSON."
        logger.warning(text, report, extra=event("report.none", path=report))


def all_of(receivers: Sequence[Callable[[Subject], object]]) -> Callable[[Subject], None]:
    """Return one function that passes its argument to each of `receivers`."""

    def pass_on(subject: Subject) -> None:
        for receive in receivers:
            receive(subject)

    return pass_on


class ReportFile:
    """Writes the run report: atomically, or into the pipe or device of that name."""

    def __init__(self, path: Path, patience: Patience) -> None:
        self._path = path
        self._patience = patience

    def __call__(self, report: RunReport) -> None:
        """Write the file; raises DestinationError."""
        write(self._path, report.to_json(), "report", self._patience)


def _is_for_rows() -> bool:
    """Tell whether stderr is a terminal that can move its cursor, and the log is text for a person."""
    current = settings()
    can_move = sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return can_move and current.verbosity >= 0 and current.log_format == "text"
