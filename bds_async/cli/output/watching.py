"""The observers of a command-line run: the progress display, the summary, and the files written at the end."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ...events import Observer
from ...report import RunReport
from ...runs.run import Save
from ...support.log import event
from ...support.running import Stop
from ...watching import Lines, MetricsFile, Summary
from ...workspace import Workspace
from ..options.settings import settings
from .report_files import ReportFiles, worded

logger = logging.getLogger(__name__)
Subject = TypeVar("Subject")


@contextmanager
def observing(workspace: Workspace, *, no_progress: bool) -> Iterator[Observer]:
    """Yield the observer that shows a run, and its summary at the end."""
    with displaying(no_progress=no_progress) as display:
        yield all_of([display, Summary(logger, Path(workspace.to) if workspace.store is None else workspace.to)])


@contextmanager
def displaying(*, no_progress: bool = False) -> Iterator[Observer]:
    """Yield the observer that shows the progress: rows on a terminal, else lines of the log."""
    if no_progress or not _is_for_rows():
        yield Lines(logger)
        return
    # Only a terminal is worth the time that the import of rich takes.
    from ...watching.view import View

    with View(logger) as view:
        yield view


def savers(
    workspace: Workspace,
    stop: Stop,
    files: ReportFiles,
    metrics: MetricsFile | None = None,
    others: Mapping[Path, str] | None = None,
) -> list[Save]:
    """Return the writer of a run's report; raises ConfigError if a file cannot or may not be written.

    No file may replace one of `others`, files with their descriptions.
    """
    in_use, write_all = settings().in_use, all_of([*files.savers(workspace, stop.patience, others or {})])

    def save(report: RunReport) -> None:
        """Write the report files."""
        write_all(worded(report, in_use.complete))

    return [save] if metrics is None else [save, metrics.save]


def warn_of_no_report(files: ReportFiles) -> None:
    """Log a warning if a dry run is asked for a report, which dry runs do not write."""
    for path, what in files.named.items():
        text = "--dry-run writes no report: %s, %s, stays as it is. With --json it prints the plan as lines of JSON."
        logger.warning(text, path, what, extra=event("report.none", path=path))


def all_of(receivers: Sequence[Callable[[Subject], object]]) -> Callable[[Subject], None]:
    """Return one function that passes its argument to each of `receivers`."""

    def pass_on(subject: Subject) -> None:
        """Pass it to each receiver, in order."""
        for receive in receivers:
            receive(subject)

    return pass_on


def _is_for_rows() -> bool:
    """Whether stderr is a terminal that can move its cursor, and the log is text for a person."""
    current = settings()
    can_move = sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return can_move and current.verbosity >= 0 and current.log_format == "text"
