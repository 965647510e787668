"""What observes a run of the command line: the progress display, the summary, and the files written at the end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..events import Event, Observer
from ..report import RunReport
from ..runs.run import Save
from ..support.patience import Patience
from ..support.running import Stop
from ..watching import Bars, Lines, MetricsFile, Summary, demand_writable, write
from ..workspace import Workspace
from .own_files import demand_apart
from .settings import settings

logger = logging.getLogger(__name__)
Subject = TypeVar("Subject")


def observers(workspace: Workspace, *, no_progress: bool) -> list[Observer]:
    """Return what shows a run."""
    return [_display(no_progress), Summary(logger, Path(workspace.to) if workspace.store is None else workspace.to)]


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


def _display(no_progress: bool) -> Callable[[Event], None]:
    current = settings()
    bars = sys.stderr.isatty() and not no_progress and current.verbosity >= 0 and current.log_format == "text"
    return Bars() if bars else Lines(logger)
