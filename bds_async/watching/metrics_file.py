"""The Prometheus textfile of a scheduled job, written at the end of every run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigError, DestinationError, FolderBusy, LedgerBusy, exit_code_of
from ..report import RunReport
from ..support import clock
from ..support.log import event
from .files import demand_writable, is_special, write
from .metrics import read_former, textfile, without_plan

logger = logging.getLogger(__name__)


class MetricsFile:
    """The textfile of scheduled runs, written atomically at the end of each.

    The constructor raises ConfigError if the file cannot be written, or is not a regular file: the collector reads no
    others, and the previous run's file is read for the metrics that are kept.
    """

    def __init__(self, path: Path) -> None:
        demand_writable(path, "metrics file")
        if is_special(path):
            raise ConfigError(f"The metrics file {path} is not a regular file: name one in the collector's folder.")
        self._path = path
        self._written: int | None = None

    def save(self, report: RunReport) -> None:
        """Write the file for a run with a plan; raises DestinationError."""
        self._write(textfile(report, read_former(self._path)))
        self._written = report.exit_code

    @contextmanager
    def around(self) -> Iterator[None]:
        """Write the file for a run that ends before it has a plan, or with an exit code other than its report's."""
        try:
            yield
        except Exception as error:
            # The run that holds the folder is the latest one, and writes the file itself.
            if not isinstance(error, FolderBusy) or isinstance(error, LedgerBusy):
                self._write_end(exit_code_of(error))
            raise

    def _write_end(self, exit_code: int) -> None:
        if exit_code == self._written:
            return
        try:
            self._write(without_plan(exit_code, clock.now(), read_former(self._path)))
        except DestinationError as error:
            logger.error("%s", error, extra=event("metrics.failed"))

    def _write(self, text: str) -> None:
        write(self._path, text, "metrics file")
