"""Who watches a run for the command line: the progress display, the report file, the log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from .. import durable
from ..errors import ConfigError, DestinationError
from ..events import Event, Finished, Observer
from ..progress import Bars, Lines, Summary
from .settings import settings

log = logging.getLogger(__name__)


def observers(*, report: Path | None, no_progress: bool) -> list[Observer]:
    """Everybody who watches a run; raises ConfigError if the report could not be written where it is wanted."""
    watching: list[Observer] = [_display(no_progress), Summary(log)]
    if report is not None:
        _demand_writable(report)
        watching.append(ReportFile(report))
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
        if not isinstance(event, Finished):
            return
        try:
            self._write(event.report.to_json().encode())
        except OSError as error:
            raise DestinationError(f"The report {self._path} can't be written: {error.strerror}.") from None

    def _write(self, document: bytes) -> None:
        # A rename would put a file in the place of /dev/null, and root may do that.
        if self._path.exists() and not self._path.is_file():
            with self._path.open("wb") as place:
                place.write(document)
        else:
            durable.write_atomically(self._path, document, mode=0o666 & ~_umask())


def _display(no_progress: bool) -> Callable[[Event], None]:
    current = settings()
    bars = sys.stderr.isatty() and not no_progress and current.verbosity >= 0 and current.log_format == "text"
    return Bars() if bars else Lines(log)


def _demand_writable(path: Path) -> None:
    folder = path.resolve().parent
    if path.exists() and not path.is_file():
        return
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"The report {path} can't be written: there is no writable folder {folder}.")


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
