"""The Prometheus textfile of a scheduled job, written however a run ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..errors import ConfigError, DestinationError, FolderBusy, LedgerBusy, exit_code_of
from ..events import Event, Finished
from ..ledger import BUSY_TIMEOUT, HURRIED, Ledger, Patience
from ..support import clock
from ..workspace.folder import ledger_path
from .files import demand_writable, is_special, write
from .metrics import read_former, textfile, without_plan

log = logging.getLogger(__name__)


class MetricsFile:
    """The textfile of runs that fetch into `folder`; an observer, which writes it atomically at the end of a run.

    Raises ConfigError at once if it could not be written where it is wanted, or if something is there that is no plain
    file: the collector reads none, and the file of the run before is read to go on from.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        demand_writable(path, "metrics file")
        if is_special(path):
            raise ConfigError(f"The metrics file {path} is no plain file: name one in the collector's folder.")
        self._path = path
        self._folder = folder
        self._told: int | None = None

    def __call__(self, event: Event) -> None:
        """Write the file; raises DestinationError."""
        if isinstance(event, Finished):
            newest = newest_delivered(self._folder, _patience(event.report.exit_code))
            self._write(textfile(event.report, newest, read_former(self._path)))
            self._told = event.report.exit_code

    @contextmanager
    def around(self) -> Iterator[None]:
        """See that a run is told that ends before it has a plan, or otherwise than its report said."""
        try:
            yield
        except Exception as error:
            # Another run that holds the folder is the last one, and will write the file itself.
            if not isinstance(error, FolderBusy) or isinstance(error, LedgerBusy):
                self._tell_end(exit_code_of(error))
            raise

    def _tell_end(self, exit_code: int) -> None:
        if exit_code == self._told:
            return
        try:
            self._write(without_plan(exit_code, clock.now(), read_former(self._path)))
        except DestinationError as error:
            log.error("%s", error)

    def _write(self, text: str) -> None:
        write(self._path, text, "metrics file")


def _patience(exit_code: int) -> Patience:
    """A run that something ended before it was done has its end held up no more."""
    return Patience(BUSY_TIMEOUT if exit_code in (0, 3) else HURRIED)


def newest_delivered(folder: Path, patience: Patience) -> dict[str, datetime]:
    """The newest delivered queued date of each data set, by the data set's folder."""
    with Ledger.read(ledger_path(folder), patience=patience) as ledger:
        return ledger.deliveries.newest()
