"""The log of a run: for a person, and for a program."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bds_async.events import (
    Ended,
    Finished,
    ListsRead,
    Mirroring,
    OutageBegan,
    OutageEnded,
    Planned,
    Started,
    Surveyed,
    Warned,
)
from bds_async.report import Counters, FailedList, Gap, Status
from bds_async.watching import Lines, Summary, failures, notice_of
from bds_async.watching.notices import MOST_FAILURES, summary
from tests.support.builders import QUEUED, an_extract, an_outcome
from tests.watching.a_run import (
    A_REVIEW,
    HELD,
    HELD_BACK,
    HOSTILE,
    LARGE,
    SMALL,
    a_mirror,
    a_report,
    a_run,
    a_table,
    outcomes_of,
)

FOLDER = Path("bds-data").absolute()


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO)
    return logging.getLogger("test")


class TestLines:
    def test_the_plan_the_waits_and_the_warnings_are_told_at_once(self, log, caplog):
        lines = Lines(log)
        for event in a_run():
            lines(event)
        assert caplog.messages == [
            "2 extracts to fetch, about 4.0 MB; 3 already there.",
            "Waiting 12 s: school.example asked to wait (429)",
            "columns changed",
        ]
        assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING"]

    @pytest.mark.parametrize(
        ("event", "said"),
        [
            (Planned((SMALL,), 1), "1 extract to fetch, about 500 B; 1 already there."),
            (Planned((), 1), "Nothing to fetch; 1 extract already there."),
            (Planned((), 0, "the tenant offers no data sets"), "Nothing to fetch: the tenant offers no data sets."),
            (Planned((), 0), "Nothing to fetch."),
            (Surveyed(1, 10), "1 file to verify, 10 B."),
            (Mirroring("duckdb:x", 1, 1500), "1 extract, 1.5 kB, to apply to duckdb:x."),
        ],
    )
    def test_one_is_not_many_and_nothing_is_said_to_be_nothing(self, log, caplog, event, said):
        Lines(log)(event)
        assert caplog.messages == [said]

    def test_a_mirror_without_work_is_worth_a_line_only_to_those_who_ask_for_more(self, log, caplog):
        """Its result says the same."""
        Lines(log)(Mirroring("duckdb:x", 0, 0))
        assert caplog.messages == []
        caplog.set_level(logging.DEBUG)
        Lines(log)(Mirroring("duckdb:x", 0, 0))
        assert caplog.messages == ["Nothing to apply to duckdb:x."]

    def test_how_far_it_is_is_told_now_and_then(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in a_run()[:3]:
            lines(event)
        assert caplog.messages[-1] == "0 of 2 extracts, 2.1 kB of about 4.0 MB"

    def test_failures_are_counted_in_it(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in a_run():
            lines(event)
        assert caplog.messages[-1] == "2 of 2 extracts, 1.0 kB of about 1.0 kB, 1 failed"

    def test_a_verification_is_told_at_its_beginning_and_now_and_then(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in A_REVIEW[:3]:
            lines(event)
        assert caplog.messages[0] == "2 files to verify, 3.0 kB."
        assert caplog.messages[-1] == "1 of 2 files, 1.0 kB of about 3.0 kB"

    def test_the_reading_of_the_lists_is_told_now_and_then(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in (ListsRead(0, None), ListsRead(45, 139)):
            lines(event)
        assert caplog.messages == ["Reading extract lists: 45 of 139"]

    def test_each_transfer_is_told_to_who_asks_for_more(self, log, caplog):
        caplog.set_level(logging.DEBUG)
        lines = Lines(log)
        for event in (Started(LARGE, 0), Started(SMALL, 100), Ended(an_outcome(seconds=0.5))):
            lines(event)
        assert caplog.messages == [
            f"{LARGE}: download starts.",
            f"{SMALL}: download starts, 100 B of it already there.",
            "UserEnrollments/full/x.zip: published, 1.0 kB in 0.5 s.",
        ]

    def test_before_there_is_a_plan_there_is_nothing_to_tell(self, log, caplog):
        Lines(log, interval=0)(HELD)
        assert caplog.messages == ["Waiting 12 s: school.example asked to wait (429)"]


class TestSummary:
    def test_it_says_what_arrived_what_did_not_and_why(self, log, caplog):
        report = a_report(
            an_outcome(),
            an_outcome(Status.FAILED, extract=SMALL, error="t answered 404."),
            failed=(FailedList("Tools", None, "Could not fetch its extract list: t answered 500."),),
        )
        Summary(log, FOLDER)(Finished(report))
        assert caplog.messages[:2] == [
            "User Enrollments (full, 2026-11-22T04:09:22.000Z) failed: t answered 404. The next run tries it again.",
            "Tools: Could not fetch its extract list: t answered 500.",
        ]
        assert caplog.messages[2].startswith(f"{FOLDER}: 1 downloaded, 1 failed, 1 extract list failed; 1.0 kB in ")
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR", "INFO"]

    def test_it_waits_for_the_end(self, log, caplog):
        for event in a_run()[:-1]:
            Summary(log, FOLDER)(event)
        assert caplog.messages == []

    def test_what_there_is_none_of_is_left_out(self):
        assert summary(a_report()).startswith("0 downloaded; 0 B in ")
        assert "pending" in summary(a_report(*outcomes_of(2, Status.PENDING)))
        assert "retr" not in summary(a_report())
        assert "2 already there" in summary(a_report(*outcomes_of(2, Status.SKIPPED)))

    def test_bytes_that_are_not_those_of_the_downloads_are_said_to_be_written(self):
        """The CSV in a zip is larger than the download."""
        assert summary(a_report(replace(an_outcome(), path="Users/full/a.csv"))).startswith(
            "1 downloaded; 1.0 kB written in "
        )
        assert summary(a_report(replace(an_outcome(), path="Users/full/a.zip"))).startswith("1 downloaded; 1.0 kB in ")

    def test_bytes_that_an_earlier_run_had_received_are_told_apart(self):
        """This run took no time for them."""
        outcomes = [an_outcome(resumed_bytes=400), an_outcome(resumed_bytes=200)]
        failed = an_outcome(Status.FAILED, extract=SMALL, error="x", resumed_bytes=70)
        said = summary(a_report(*outcomes, failed))
        assert said.startswith("2 downloaded, 1 failed; 2.0 kB in ")
        assert said.endswith(" s, with 600 B received by an earlier run.")

    @pytest.mark.parametrize(("retries", "said"), [(1, "1 retry"), (3, "3 retries")])
    def test_what_had_to_be_tried_again_is_counted(self, retries, said):
        report = replace(a_report(an_outcome()), counters=Counters(retries=retries))
        assert summary(report).startswith(f"1 downloaded, {said}; 1.0 kB in ")

    def test_a_flood_of_failures_is_cut_short(self):
        """Failures of different causes; extracts that fail for the same cause are one line."""
        outcomes = [replace(each, error=f"x{number}") for number, each in enumerate(outcomes_of(MOST_FAILURES + 7))]
        assert len(list(failures(a_report(*outcomes[:MOST_FAILURES])))) == MOST_FAILURES
        lines = list(failures(a_report(*outcomes)))
        assert len(lines) == MOST_FAILURES + 1
        assert lines[-1].text == "and 7 more; --report FILE has them all."

    def test_failures_for_one_cause_are_one_line(self):
        (line,) = failures(a_report(*outcomes_of(139, error="The server is on fire.")))
        assert line.text.startswith("139 extracts failed: The server is on fire. The first: ")
        assert line.text.endswith(". The next run tries them again.")

    def test_failures_whose_errors_differ_in_a_name_alone_are_one_line(self):
        """Damaged zips, say, whose members have the names of their data sets."""
        outcomes = [
            replace(each, error=f"The member '{number}.csv' of the zip is damaged.")
            for number, each in enumerate(outcomes_of(15))
        ]
        (line,) = failures(a_report(*outcomes))
        assert line.text == (
            f"15 extracts failed in the same way. The first: {outcomes[0].extract}: "
            "The member '0.csv' of the zip is damaged. The next run tries them again."
        )
        names = [str(each.extract) for each in outcomes]
        assert line.fields == {"count": 15, "error": outcomes[0].error, "extracts": names}

    def test_an_apostrophe_of_a_word_begins_no_name(self):
        outcomes = [
            replace(each, error=f"The directory's size of '{number}.csv' is wrong.")
            for number, each in enumerate(outcomes_of(5))
        ]
        (line,) = failures(a_report(*outcomes))
        assert line.text.startswith("5 extracts failed in the same way.")

    def test_extracts_without_permission_are_left_to_the_error_of_the_run(self):
        outcomes = [replace(each, error=f"/{number} answered 403.") for number, each in enumerate(outcomes_of(139))]
        assert list(failures(replace(a_report(*outcomes), exit_code=4))) == []

    def test_extracts_that_failed_before_a_login_was_refused_are_named(self):
        refused, other = (replace(each, error=f"/x {why}.") for each, why in zip(
            outcomes_of(2), ("answered 403", "broke off"), strict=True))  # fmt: skip
        for outcomes in ([refused], [refused, other]):
            lines = list(failures(replace(a_report(*outcomes), exit_code=4)))
            assert [line.fields["error"] for line in lines] == [each.error for each in outcomes]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_names_are_no_templates_for_the_log(self, name, log, caplog):
        outcome = an_outcome(Status.FAILED, extract=an_extract(data_set=name), error=name)
        Summary(log, FOLDER)(Finished(a_report(outcome)))
        assert caplog.messages[0] == f"{outcome.extract} failed: {name} The next run tries it again."


class TestEvents:
    def test_each_line_has_an_event_and_its_fields(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in a_run()[:4]:
            lines(event)
        told = [(record.event, record.fields) for record in caplog.records]
        assert told[0] == ("run.planned", {"extracts": 2, "skipped": 3, "bytes": 4_000_500})
        progress = {"files": 2, "files_done": 0, "failed": 0, "bytes": 4_000_500, "bytes_done": 2100}
        assert ("rate_limit.waiting", {"why": HELD.why, "seconds": 12.0}) in told
        assert told[-1] == ("run.progress", progress)

    def test_the_summary_has_the_totals_of_the_report(self, log, caplog):
        report = a_report(an_outcome())
        Summary(log, FOLDER)(Finished(report))
        (record,) = caplog.records
        assert (record.event, record.fields["folder"], record.fields["exit_code"]) == ("run.finished", FOLDER, 0)
        assert report.document()["totals"].items() <= record.fields.items()

    def test_a_failure_names_what_failed_and_no_link(self):
        outcome = an_outcome(Status.FAILED, error="t answered 404.", attempts=2)
        lost = FailedList("Tools", None, "t answered 500.")
        gap = Gap("Users", None, QUEUED, None)
        extract, listing, lack = failures(a_report(outcome, failed=(lost,), gaps=[gap]))
        assert extract.event == "extract.failed"
        assert extract.fields["queued_for_processing_date"] == "2026-11-22T04:09:22.000Z"
        assert (extract.fields["error"], extract.fields["attempts"]) == ("t answered 404.", 2)
        assert "hush" not in str(extract)
        expected = {"data_set": "Tools", "schema_id": None, "error": "t answered 500."}
        assert (listing.event, listing.fields) == ("list.failed", expected)
        assert (lack.event, lack.fields["data_set"]) == ("gap.open", "Users")

    def test_a_warning_has_its_own_event(self):
        assert notice_of(Warned("careful")).event == "run.warning"
        assert notice_of(Warned("careful", "space.short")).event == "space.short"


def test_an_outage_is_two_lines():
    began, ended = notice_of(OutageBegan("Can't connect to school.", 300.0)), notice_of(OutageEnded(31.4))
    assert began.text == "Can't connect to school. Retrying for up to 5 minutes."
    assert ended.text == "Brightspace answers again, after 31 s."
    assert notice_of(OutageBegan("x.", 30.0)).text == "x. Retrying for up to 30 s."
    assert (began.event, ended.event) == ("outage.began", "outage.ended")


def test_an_event_shows_no_signed_link():
    assert "hush" not in repr(a_run())


class TestMirror:
    def test_it_is_summed_up_after_the_run(self, log, caplog):
        Summary(log, FOLDER)(Finished(a_report(mirror=a_mirror(a_table(), a_table("tools")))))
        assert caplog.messages[-1] == "2 extracts applied to 2 tables of duckdb:mirror.duckdb."

    def test_drift_rejects_notes_and_what_was_held_back_are_named(self, log, caplog):
        table = a_table(rejected=2, drift=3, problems=(HELD_BACK,), notes=("Users is replaced by each full.",))
        Summary(log, FOLDER)(Finished(a_report(mirror=a_mirror(table))))
        assert caplog.messages[1:] == [
            "Users is replaced by each full.",
            HELD_BACK.text,
            "2 values of Users went to _bds_rejects: look at them there.",
            "1 extract applied to 1 table of duckdb:mirror.duckdb. "
            "Fulls corrected 3 rows in 1 table that differentials had not brought.",
        ]

    def test_one_that_failed_is_not_summed_up_as_if_it_were_up_to_date(self, log, caplog):
        """The error of the run says why it failed."""
        Summary(log, FOLDER)(Finished(a_report(mirror=a_mirror(error="The disk is full."))))
        assert len(caplog.messages) == 1
