"""What happens in a run is collected for its report, whatever way it ends."""

from __future__ import annotations

from datetime import UTC

import pytest
from bds_async.runs.run_log import RunLog, Survey
from hypothesis import given
from hypothesis import strategies as st

from bds_async.errors import DestinationError
from bds_async.report import Arrival, Completeness, FailedList, Gap, Status
from bds_async.support.clock import now
from tests.support.builders import an_extract, an_outcome

TENANT = "https://school.example"
OTHER = an_extract(plugin_id="other")
LOST = FailedList("Tools", "schema-9", "t answered 500.")

statuses = st.sampled_from(Status)


class TestRunLog:
    def test_without_a_plan_there_is_nothing_to_report(self):
        log = RunLog("pull", TENANT)
        assert not log.has_plan
        assert log.report(5).outcomes == []

    def test_even_an_empty_plan_is_one(self):
        log = RunLog("pull", TENANT)
        log.plan([], [])
        assert log.has_plan
        assert log.exit_code == 0

    def test_what_has_no_outcome_yet_is_pending(self):
        log = RunLog("pull", TENANT)
        log.plan([an_extract(), OTHER], [])
        log.note(an_outcome(extract=OTHER))
        assert [outcome.status for outcome in log.report(130).outcomes] == [Status.PENDING, Status.DOWNLOADED]

    def test_of_two_outcomes_of_an_extract_the_last_one_stands(self):
        log = RunLog("pull", TENANT)
        log.plan([an_extract()], [])
        log.note(an_outcome(Status.FAILED))
        log.note(an_outcome(Status.DOWNLOADED))
        assert [outcome.status for outcome in log.report(0).outcomes] == [Status.DOWNLOADED]

    @given(st.lists(statuses, max_size=5), st.booleans())
    def test_the_exit_code_is_3_if_anything_failed(self, some, lost):
        extracts = [an_extract(plugin_id=str(number)) for number in range(len(some))]
        log = RunLog("pull", TENANT)
        log.plan(extracts, [LOST] if lost else [])
        for extract, status in zip(extracts, some, strict=True):
            log.note(an_outcome(status, extract=extract))
        assert log.exit_code == (3 if lost or Status.FAILED in some else 0)

    def test_the_report_carries_the_exit_code_that_it_is_given(self):
        log = RunLog("sync", TENANT)
        log.plan([an_extract()], [LOST])
        report = log.report(6)
        assert (report.command, report.exit_code, list(report.failed_lists)) == ("sync", 6, [LOST])

    def test_counting_on_does_not_change_a_report_that_was_made(self):
        log = RunLog("pull", TENANT)
        log.counters.retries = 1
        report = log.report(0)
        log.counters.retries = 2
        assert report.document()["totals"]["retries"] == 1

    def test_how_each_extract_comes_is_told_whatever_becomes_of_it(self):
        log = RunLog("sync", TENANT)
        log.plan([an_extract(), OTHER], [], {an_extract().identity: Arrival.BASELINE, OTHER.identity: Arrival.LATE})
        log.note(an_outcome(extract=OTHER))
        assert [outcome.arrival for outcome in log.report(0).outcomes] == [Arrival.BASELINE, Arrival.LATE]

    def test_completeness_is_surveyed_when_the_report_is_made(self):
        log = RunLog("sync", TENANT)
        assert log.report(0).data_sets == ()
        survey = Survey([Completeness("Users", None, None)], [Gap("Users", None, None, None)])
        log.survey_by(lambda: survey)
        assert log.survey() is survey
        report = log.report(0)
        assert (report.data_sets, report.gaps) == (survey.data_sets, survey.gaps)

    def test_without_the_ledger_s_disk_there_is_a_report_all_the_same(self):
        def gone() -> Survey:
            raise DestinationError("The folder is gone.")

        log = RunLog("sync", TENANT)
        log.survey_by(gone)
        assert log.report(6).gaps == ()
        with pytest.raises(DestinationError):
            log.survey()

    def test_what_concludes_a_run_may_fail_in_silence(self):
        done: list[int] = []
        log = RunLog("sync", TENANT)
        log.conclude()
        log.conclude_by(lambda: done.append(1))
        log.conclude()

        def gone() -> None:
            raise DestinationError("The folder is gone.")

        log.conclude_by(gone)
        log.conclude()
        assert done == [1]

    def test_its_moments_are_in_utc(self):
        before = now()
        report = RunLog("pull", TENANT).report(0)
        assert before <= report.started <= report.finished <= now()
        assert report.started.tzinfo is UTC
