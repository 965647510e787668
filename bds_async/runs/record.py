"""The state of a run while it works, from which the report is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..brightspace import Connection, Listing
from ..errors import BdsError, exit_code_of, rank
from ..models import Identity
from ..planning import RunPlan, Step
from ..report import Counters, MirrorSummary, Outcome, RunReport, Status
from ..support.clock import Stopwatch
from ..support.limits import machine_limit
from ..transfer import Download
from .exit_code import PARTIAL
from .job import Job
from .measure import Survey
from .outcomes import delivered

_UNPLANNED = "extracts to fetch, data_sets and gaps: the run ended before it had a plan"


@dataclass
class Record:
    """One run of `job`, filled in phase by phase.

    `recovered` are extracts whose publication an earlier run had begun. `plan` is None until there is one.
    """

    job: Job
    listing: Listing = field(default_factory=Listing)
    recovered: Sequence[Outcome] = ()
    plan: RunPlan | None = None
    downloads: Sequence[Download] = ()
    survey: Survey = field(default_factory=Survey)
    mirror: MirrorSummary | None = None
    error: Exception | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def end_with(self, error: Exception | None) -> None:
        """Note what ended the run; of several errors, keep the one whose exit code wins."""
        if error is not None and self.error is not error:
            known = [error] if self.error is None else [self.error, error]
            self.error = min(known, key=lambda each: rank(exit_code_of(each)))

    @property
    def is_reportable(self) -> bool:
        """Whether there is something to report: a plan, or extracts whose publication was finished."""
        return self.plan is not None or bool(self.recovered)

    @property
    def time_left(self) -> float | None:
        """Seconds until the time limit, None without one."""
        limit = self.job.options.max_time
        return None if limit is None else max(0.0, limit - self.stopwatch.seconds)

    def report(self, connection: Connection) -> RunReport:
        """The report so far; an extract without an outcome is pending."""
        self.end_with(self.survey.error)
        outcomes = self._outcomes()
        report = RunReport(
            command=self.job.command,
            tenant=str(connection.tenant.origin),
            started=self.stopwatch.started,
            finished=self.stopwatch.finished,
            seconds=self.stopwatch.seconds,
            exit_code=0,
            outcomes=outcomes,
            failed_lists=self.plan.failed_lists if self.plan is not None else (),
            counters=self._counters(connection),
            data_sets=self.survey.data_sets,
            gaps=self.survey.gaps,
            lacks=self.survey.lacks if self.plan is not None else _UNPLANNED,
            newest_delivered=self.survey.newest_delivered,
            mirror=self.mirror,
            workers=self.job.options.workers,
            limit_rate=self.job.options.limit_rate,
            ended_by=text_of(self.error) if self.error is not None else None,
            holds=connection.gate.holds_since(self.stopwatch.origin),
        )
        return replace(report, exit_code=self._exit_code(report))

    def _exit_code(self, report: RunReport) -> int:
        if self.error is not None:
            return exit_code_of(self.error)
        return PARTIAL if self.job.leaves_with_3(report) else 0

    def _counters(self, connection: Connection) -> Counters:
        retries = sum(max(0, each.outcome.attempts - 1) for each in self.downloads if each.outcome is not None)
        return Counters(
            retries=retries + connection.tenant.retries,
            token_refreshes=connection.refresher.refreshes,
            rate_limit_waits=connection.gate.waits,
        )

    def _outcomes(self) -> list[Outcome]:
        """Each extract once: the recovered ones, then the steps of the plan."""
        found: dict[Identity, Outcome] = {each.extract.identity: each for each in self.recovered}
        for outcome in self._planned():
            known = found.get(outcome.extract.identity)
            if known is None or outcome.status in (Status.DOWNLOADED, Status.FAILED):
                found[outcome.extract.identity] = outcome
        return list(found.values())

    def _planned(self) -> Iterator[Outcome]:
        downloads = {each.extract.identity: each for each in self.downloads}
        for step in self.plan.steps if self.plan is not None else ():
            if step.delivered is not None:
                yield delivered(step.extract, step.delivered, Status.SKIPPED, arrival=step.arrival)
            else:
                yield _outcome(step, downloads.get(step.extract.identity))


def text_of(error: Exception) -> str:
    """Return the text of an error for the report, but not that of a defect, which may quote a secret or a row."""
    known = error if isinstance(error, BdsError) else machine_limit(error)
    return str(known) if known is not None else f"A defect in bds-async: {type(error).__name__}."


def _outcome(step: Step, download: Download | None) -> Outcome:
    if download is not None and download.outcome is not None:
        return download.outcome
    made = download.made.all if download is not None else ()
    return Outcome(step.extract, Status.PENDING, arrival=step.arrival, attempt_times=made)
