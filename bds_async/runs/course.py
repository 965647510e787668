"""The course of a run: its work beside the token refresher, the stop and the clock, and a report however it ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from ..brightspace.connection import Connection
from ..errors import EXIT_CODE_ORDER, BdsError, Stopped
from ..events import Ended, Event, Finished, Observer
from ..report import RunReport
from ..support.running import Stop, beside, time_limits
from .run_log import RunLog

logger = logging.getLogger(__name__)


class Course:
    """One run of `command`; `log` is what its report is made of, and `watch` the observer for the parts of it.

    `max_time` is in seconds, None for no limit. `hurry` is called once the end is asked for, and lets nothing that the
    end has to wait for take long.
    """

    def __init__(
        self,
        command: str,
        connection: Connection,
        observer: Observer,
        max_time: float | None,
        hurry: Callable[[], object] = lambda: None,
    ) -> None:
        self.log = RunLog(command, str(connection.tenant.origin))
        self._connection = connection
        self._observer = observer
        self._max_time = max_time
        self._hurry = hurry
        self._tries_again = 0

    def watch(self, event: Event) -> None:
        """Note the outcomes that are told, and tell everything on."""
        if isinstance(event, Ended):
            self.log.note(event.outcome)
            self._tries_again += max(0, event.outcome.attempts - 1)
        self._observer(event)

    async def run(self, work: Awaitable[int], stop: Stop) -> RunReport:
        """The report of `work`, which gives the exit code; Finished is told however it ends, once there was a plan."""
        exit_code = 1
        try:
            exit_code = await beside(work, self._connection.stay_signed_in(), self._end(stop))
        except BdsError as error:
            exit_code = error.exit_code
            raise
        finally:
            report = self._report(exit_code)
            if self.log.has_plan:
                self._tell(report)
        return report

    async def _end(self, stop: Stop) -> NoReturn:
        """Wait until somebody, or the clock, asks for the end; raises Stopped."""
        try:
            await beside(stop.obey(), *time_limits(self._max_time))
        except Stopped:
            self._hurry()
            raise

    def _tell(self, report: RunReport) -> None:
        """Tell that it is over; a watcher that fails at that (a report that can't be written) may not outshout why."""
        try:
            self._observer(Finished(report))
            self.log.conclude()
        except BdsError as error:
            if EXIT_CODE_ORDER.index(error.exit_code) < EXIT_CODE_ORDER.index(report.exit_code):
                raise
            logger.error("%s", error)

    def _report(self, exit_code: int) -> RunReport:
        self.log.counters.retries = self._tries_again + self._connection.tenant.retries
        self.log.counters.token_refreshes = self._connection.refresher.refreshes
        self.log.counters.rate_limit_waits = self._connection.gate.waits
        return self.log.report(exit_code)
