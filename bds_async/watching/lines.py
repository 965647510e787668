"""Observers that write a run to the log: lines while it runs, and a summary at its end."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from ..events import Ended, Event, Finished, ListsRead, Received, Sized, Started
from ..report import MirrorSummary
from ..support.log import event as log_event
from ..support.text import size_text
from .mirror_notices import MirrorSoFar, mirror_finished, mirror_warnings
from .notices import failures, finished, lists_progress, notice_of
from .tally import Tally

#: Seconds between two lines of progress.
INTERVAL = 10.0
#: Frequent events, whose notices, if any, are only for `--verbose`.
_OF_TRANSFERS = (Started, Sized, Received, Ended)


class Lines:
    """Writes the notices of a run, and a line of progress every `interval` seconds."""

    def __init__(self, logger: logging.Logger, interval: float = INTERVAL) -> None:
        self._logger = logger
        self._interval = interval
        self._tally = Tally()
        self._next = time.monotonic() + interval

    def __call__(self, event: Event) -> None:
        """Log an event if it has a notice, and the progress if it is due."""
        self._tally(event)
        is_shown = not isinstance(event, _OF_TRANSFERS) or self._logger.isEnabledFor(logging.DEBUG)
        if is_shown and (notice := notice_of(event)) is not None:
            notice.log(self._logger)
        if time.monotonic() < self._next:
            return
        if isinstance(event, ListsRead) and event.total is not None:
            self._next = time.monotonic() + self._interval
            lists_progress(event).log(self._logger)
        elif self._tally.files:
            self._next = time.monotonic() + self._interval
            self._log_progress()

    def _log_progress(self) -> None:
        tally = self._tally
        sizes = f"{size_text(tally.bytes_done)} of about {size_text(tally.bytes)}"
        fields = {
            "files": tally.files,
            "files_done": tally.files_done,
            "failed": tally.failed,
            "bytes": tally.bytes,
            "bytes_done": tally.bytes_done,
        }
        extra = log_event("run.progress", **fields)
        self._logger.info("%s, %s%s", tally.done, sizes, tally.failures, extra=extra)


class Summary:
    """Writes at the end the failures with their causes, a line about the run into `folder`, and the mirror's result."""

    def __init__(self, logger: logging.Logger, folder: Path | str) -> None:
        self._logger = logger
        self._folder = folder
        self._mirror = MirrorSoFar()

    def __call__(self, event: Event) -> None:
        """Log the summary if the run has ended."""
        self._mirror(event)
        if isinstance(event, Finished):
            for notice in failures(event.report):
                notice.log(self._logger)
            finished(event.report, self._folder).log(self._logger)
            if event.report.mirror is not None:
                self._log_mirror(event.report.mirror)

    def _log_mirror(self, mirror: MirrorSummary) -> None:
        for notice in mirror_warnings(mirror):
            notice.log(self._logger)
        for notice in self._mirror.notices() if mirror.error is not None else (mirror_finished(mirror),):
            notice.log(self._logger)
