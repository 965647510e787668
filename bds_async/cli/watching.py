"""Who watches a run for the command line: the progress display, the report file, the log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from .. import durable
from ..errors import ConfigError, DestinationError
from ..events import Event, Finished, Observer
from ..ledger.ledger import Ledger
from ..metrics import read_former, textfile
from ..progress import Bars, Lines, Summary
from .settings import settings

log = logging.getLogger(__name__)


def observers(
    folder: Path, *, report: Path | None, no_progress: bool, metrics: MetricsFile | None = None
) -> list[Observer]:
    """Everybody who watches a run into `folder`; raises ConfigError if the report could not be written."""
    watching: list[Observer] = [_display(no_progress), Summary(log, folder)]
    if report is not None:
        _demand_writable(report, "report")
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


class MetricsFile:
    """Writes the Prometheus textfile at the end of a run that fetched into `folder`, atomically.

    Raises ConfigError at once if it could not be written where it is wanted.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        _demand_writable(path, "metrics file")
        self._path = path
        self._folder = folder

    def __call__(self, event: Event) -> None:
        """Write the file; raises DestinationError."""
        if isinstance(event, Finished):
            text = textfile(event.report, newest_delivered(self._folder), read_former(self._path))
            _write(self._path, text, "metrics file")


def newest_delivered(folder: Path) -> dict[str, datetime]:
    """The newest delivered queued date of each data set, by the data set's folder."""
    with Ledger.read(folder) as ledger:
        newest = {each: ledger.stock(each).newest for each in ledger.data_sets()}
    return {each: moment for each, moment in newest.items() if moment is not None}


class ReportFile:
    """Writes the run report at the end of the run: atomically, or into what is there if that is no plain file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, event: Event) -> None:
        """Write the file; raises DestinationError."""
        if isinstance(event, Finished):
            _write(self._path, event.report.to_json(), "report")


def _write(path: Path, text: str, what: str) -> None:
    try:
        # A rename would put a file in the place of /dev/null, and root may do that.
        if path.exists() and not path.is_file():
            path.write_bytes(text.encode())
        else:
            durable.write_atomically(path, text.encode(), mode=0o666 & ~_umask())
    except OSError as error:
        raise DestinationError(f"The {what} {path} can't be written: {error.strerror}.") from None


def _display(no_progress: bool) -> Callable[[Event], None]:
    current = settings()
    bars = sys.stderr.isatty() and not no_progress and current.verbosity >= 0 and current.log_format == "text"
    return Bars() if bars else Lines(log)


def _demand_writable(path: Path, what: str) -> None:
    folder = path.resolve().parent
    if path.exists() and not path.is_file():
        return
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"The {what} {path} can't be written: there is no writable folder {folder}.")


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
