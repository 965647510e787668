"""What happens in a run, collected for its report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import BdsError
from ..models import Extract, Identity
from ..report import Arrival, Completeness, Counters, FailedList, Gap, Outcome, RunReport, Status
from ..support import clock


@dataclass(frozen=True, slots=True)
class Survey:
    """How complete the folder is at the end of a run, and the gaps that concern it."""

    data_sets: Sequence[Completeness] = ()
    gaps: Sequence[Gap] = ()


class RunLog:
    """Collects what happens in a run, from the moment that there is a plan; `counters` may change until the report."""

    def __init__(self, command: str, tenant: str) -> None:
        self.counters = Counters()
        self._command = command
        self._tenant = tenant
        self._started = clock.now()
        self._planned: list[Extract] | None = None
        self._arrivals: Mapping[Identity, Arrival] = {}
        self._outcomes: dict[Identity, Outcome] = {}
        self._failed_lists: Sequence[FailedList] = ()
        self._survey: Callable[[], Survey] = Survey
        self._conclude: Callable[[], None] = lambda: None

    def plan(
        self,
        extracts: Sequence[Extract],
        failed_lists: Sequence[FailedList],
        arrivals: Mapping[Identity, Arrival] | None = None,
    ) -> None:
        """Take note of the plan: each of these extracts will stand in the report once, and how it arrives."""
        self._planned = list({extract.identity: extract for extract in extracts}.values())
        self._failed_lists = failed_lists
        self._arrivals = arrivals or {}

    def survey_by(self, survey: Callable[[], Survey]) -> None:
        """What gives completeness and gaps when the report is made; it may raise BdsError, which leaves them out."""
        self._survey = survey

    def conclude_by(self, conclude: Callable[[], None]) -> None:
        """What is to be done once the report has been told."""
        self._conclude = conclude

    def conclude(self) -> None:
        """The report has been told. What fails now is told by the next run's report."""
        with contextlib.suppress(BdsError):
            self._conclude()

    def note(self, outcome: Outcome) -> None:
        """Take note of what became of one extract."""
        self._outcomes[outcome.extract.identity] = outcome

    def tells_of(self, identity: Identity) -> bool:
        """Whether it is known what became of an extract."""
        return identity in self._outcomes

    @property
    def outcomes(self) -> Collection[Outcome]:
        """What became of extracts so far."""
        return self._outcomes.values()

    @property
    def has_plan(self) -> bool:
        """Whether the run got as far as a plan, so that there is something to report."""
        return self._planned is not None

    @property
    def exit_code(self) -> int:
        """Exit code of a run that nothing stopped: 3 if something failed, else 0."""
        failed = any(outcome.status is Status.FAILED for outcome in self._outcomes.values())
        return 3 if failed or self._failed_lists else 0

    def report(self, exit_code: int) -> RunReport:
        """The report as of now; what has no outcome yet is pending."""
        survey = self._survey_or_none()
        return RunReport(
            command=self._command,
            tenant=self._tenant,
            started=self._started,
            finished=clock.now(),
            exit_code=exit_code,
            outcomes=[self._outcome(extract) for extract in self._planned or ()],
            failed_lists=self._failed_lists,
            counters=replace(self.counters),
            data_sets=survey.data_sets,
            gaps=survey.gaps,
        )

    def _outcome(self, extract: Extract) -> Outcome:
        found = self._outcomes.get(extract.identity, Outcome(extract, Status.PENDING))
        return replace(found, arrival=self._arrivals.get(extract.identity))

    def survey(self) -> Survey:
        """Completeness and gaps as of now; may raise BdsError."""
        return self._survey()

    def _survey_or_none(self) -> Survey:
        # A folder that has gone is told by the error that ends the run; its report is made all the same.
        try:
            return self._survey()
        except BdsError:
            return Survey()
