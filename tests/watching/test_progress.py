"""What a person sees of a run: bars on a terminal, lines in a log, a summary at the end."""

import io
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bds_async.events import (
    Ended,
    Examined,
    Finished,
    Held,
    Planned,
    Read,
    Received,
    Restarted,
    Reviewed,
    Started,
    Surveyed,
    Warned,
    unobserved,
)
from bds_async.models import BdsType
from bds_async.report import Counters, FailedList, RunReport, Status
from bds_async.watching.progress import (
    MOST_BARS,
    MOST_FAILURES,
    Bars,
    Lines,
    Summary,
    Tally,
    failures,
    notice,
    size_text,
    summary,
)
from tests.support.builders import QUEUED, an_extract, an_outcome

SMALL, LARGE = an_extract(plugin_id="small", download_size=500), an_extract(plugin_id="large", download_size=4_000_000)
HELD = Held("school.example asked to wait (429)", 12.0)
FOLDER = Path("bds-data").absolute()
HOSTILE = ["[/bold]", "[red]Users", "{task}", "%s %d", "Users\\", "[link=file:///etc/passwd]"]


def a_report(*outcomes, exit_code=0, failed=()):
    return RunReport("pull", "https://school.example", QUEUED, QUEUED, exit_code, outcomes, failed)


def outcomes_of(number, status=Status.FAILED, **changes):
    return [an_outcome(status, extract=an_extract(plugin_id=str(index)), **changes) for index in range(number)]


def a_run(extract=LARGE):
    """Every event that an extract can cause."""
    outcome = an_outcome(extract=extract)
    return [
        Planned((extract, SMALL), 3),
        Started(extract, 100),
        Received(extract, 2000),
        HELD,
        Restarted(extract, 2100),
        Received(extract, 1000),
        Warned("columns changed"),
        Ended(outcome),
        Started(SMALL, 0),
        Ended(an_outcome(Status.FAILED, extract=SMALL, error="t answered 404.")),
        Finished(a_report(outcome)),
    ]


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "text"),
        [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (28_709_805, "28.7 MB"), (5e9, "5.0 GB"), (2.5e15, "2500.0 TB")],
    )
    def test_are_in_powers_of_ten(self, size, text):
        assert size_text(size) == text

    @given(st.integers(0, 10**16))
    def test_are_short(self, size):
        assert len(size_text(size)) <= 10


#: What a verification of two files tells.
A_REVIEW = [Surveyed(2, 3000), Read(1000), Examined("a"), Read(2000), Examined("b"), Reviewed()]


class TestTally:
    def test_it_counts_what_is_wanted_and_what_is_there(self):
        tally = Tally()
        for event in a_run():
            tally(event)
        assert (tally.files, tally.files_done, tally.failed) == (2, 2, 1)
        assert (tally.bytes, tally.bytes_done) == (4_000_500, 1000)

    def test_an_unknown_size_counts_as_nothing(self):
        tally = Tally()
        tally(Planned((an_extract(download_size=None),), 0))
        assert (tally.files, tally.bytes) == (1, 0)

    def test_a_verification_is_counted_too_and_the_repair_after_it_on_its_own(self):
        tally = Tally()
        for event in A_REVIEW:
            tally(event)
        assert (tally.files, tally.files_done, tally.bytes, tally.bytes_done) == (2, 2, 3000, 3000)
        tally(Planned((SMALL,), 0))
        assert (tally.files, tally.files_done, tally.bytes, tally.bytes_done) == (1, 0, 500, 0)

    @given(st.lists(st.integers(1, 10**9)), st.lists(st.integers(1, 10**9)))
    def test_what_is_lost_is_taken_back(self, kept, lost):
        tally = Tally()
        for new_bytes in lost:
            tally(Received(LARGE, new_bytes))
        tally(Restarted(LARGE, sum(lost)))
        for new_bytes in kept:
            tally(Received(LARGE, new_bytes))
        assert tally.bytes_done == sum(kept)


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
            "2 extracts to fetch, about 4.0 MB; 3 there already.",
            "Waiting 12 s: school.example asked to wait (429)",
            "columns changed",
        ]
        assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING"]

    @pytest.mark.parametrize(
        ("event", "said"),
        [
            (Planned((SMALL,), 1), "1 extract to fetch, about 500 B; 1 there already."),
            (Planned((), 1), "Nothing to fetch; 1 extract there already."),
            (Planned((), 0, "the tenant offers no data sets"), "Nothing to fetch: the tenant offers no data sets."),
            (Planned((), 0), "Nothing to fetch."),
            (Surveyed(1, 10), "1 file to verify, 10 B."),
        ],
    )
    def test_one_is_not_many_and_nothing_is_said_to_be_nothing(self, log, caplog, event, said):
        Lines(log)(event)
        assert caplog.messages == [said]

    def test_how_far_it_is_is_told_now_and_then(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in a_run()[:3]:
            lines(event)
        assert caplog.messages[-1] == "0 of 2 extracts, 2.1 kB of about 4.0 MB"

    def test_failures_are_counted_in_it(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in a_run():
            lines(event)
        assert caplog.messages[-1] == "2 of 2 extracts, 1.0 kB of about 4.0 MB, 1 failed"

    def test_a_verification_is_told_at_its_beginning_and_now_and_then(self, log, caplog):
        lines = Lines(log, interval=0)
        for event in A_REVIEW[:3]:
            lines(event)
        assert caplog.messages[0] == "2 files to verify, 3.0 kB."
        assert caplog.messages[-1] == "1 of 2 files, 1.0 kB of about 3.0 kB"

    def test_before_there_is_a_plan_there_is_nothing_to_tell(self, log, caplog):
        Lines(log, interval=0)(HELD)
        assert caplog.messages == ["Waiting 12 s: school.example asked to wait (429)"]


class Screen:
    """A terminal that remembers what was shown."""

    def __init__(self) -> None:
        self.console = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
        self.bars = Bars(self.console)

    def show(self, *events) -> str:
        for event in events:
            self.bars(event)
        self.bars._progress.refresh()
        return self.console.file.getvalue()


class TestBars:
    @pytest.fixture
    def screen(self):
        screen = Screen()
        yield screen
        screen.bars(Finished(a_report()))

    def test_they_show_the_files_and_the_transfers_in_flight(self, screen):
        shown = screen.show(*a_run()[:3])
        assert "0 of 2 extracts" in shown
        assert "User Enrollments (full)" in shown

    def test_a_verification_has_the_overall_bar_alone_and_may_be_followed_by_a_run(self, screen):
        assert "1 of 2 files" in screen.show(*A_REVIEW[:3])
        assert len(screen.bars._progress.tasks) == 1
        assert "0 of 2 extracts" in screen.show(*A_REVIEW[3:], *a_run()[:3])

    def test_where_there_is_nothing_to_fetch_they_say_so_and_none_is_drawn(self, screen):
        assert "Nothing to fetch: why not." in screen.show(Planned((), 0, "why not"))
        assert not screen.bars._progress.live.is_started

    def test_an_extract_that_has_ended_has_no_bar(self, screen):
        screen.show(*a_run()[:3])
        assert len(screen.bars._progress.tasks) == 2
        screen.show(Ended(an_outcome(extract=LARGE)))
        assert len(screen.bars._progress.tasks) == 1

    def test_waits_and_warnings_are_told_between_them(self, screen):
        shown = screen.show(*a_run()[:-1])
        assert "Waiting 12 s: school.example asked to wait (429)" in shown
        assert "columns changed" in shown
        assert "2 of 2 extracts, 1 failed" in shown

    def test_the_overall_bar_never_passes_its_end_though_sizes_are_estimates(self, screen):
        screen.show(Planned((SMALL,), 0), Started(SMALL, 0), Received(SMALL, 10_000))
        overall = screen.bars._progress.tasks[0]
        assert overall.completed <= overall.total

    def test_there_are_only_so_many(self, screen):
        many = [an_extract(plugin_id=str(number)) for number in range(3 * MOST_BARS)]
        screen.show(Planned(tuple(many), 0), *(Started(extract, 0) for extract in many))
        assert len(screen.bars._progress.tasks) == MOST_BARS + 1
        screen.show(*(Received(extract, 5) for extract in many), *(Ended(an_outcome(extract=one)) for one in many))
        assert len(screen.bars._progress.tasks) == 1

    @pytest.mark.parametrize("name", HOSTILE)
    def test_names_and_messages_are_shown_as_they_are(self, screen, name):
        """They come from the server, and to the library that draws the bars brackets mean something."""
        shown = screen.show(
            *a_run(an_extract(data_set=name, bds_type=BdsType.DIFFERENTIAL))[:3], Warned(f"warned {name}")
        )
        assert f"{name} (differential)" in shown
        assert f"warned {name}" in shown

    def test_a_run_that_never_had_a_plan_shows_nothing(self):
        screen = Screen()
        screen.bars(Finished(a_report()))
        assert screen.console.file.getvalue() == ""

    def test_after_the_end_the_screen_is_free(self):
        screen = Screen()
        for event in a_run():
            screen.bars(event)
        assert not screen.bars._progress.live.is_started

    def test_by_default_they_are_on_stderr(self):
        assert Bars()._progress.console.stderr


class TestSummary:
    def test_it_says_what_arrived_what_did_not_and_why(self, log, caplog):
        report = a_report(
            an_outcome(),
            an_outcome(Status.FAILED, extract=SMALL, error="t answered 404."),
            failed=[FailedList("Tools", None, "t answered 500.")],
        )
        Summary(log, FOLDER)(Finished(report))
        assert caplog.messages[:2] == [
            "User Enrollments (full, 2026-11-22T04:09:22.000Z) failed: t answered 404.",
            "The extract list of Tools would not come: t answered 500.",
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
        assert "2 there already" in summary(a_report(*outcomes_of(2, Status.SKIPPED)))

    @pytest.mark.parametrize(("retries", "said"), [(1, "1 retry"), (3, "3 retries")])
    def test_what_had_to_be_tried_again_is_counted(self, retries, said):
        report = replace(a_report(an_outcome()), counters=Counters(retries=retries))
        assert summary(report).startswith(f"1 downloaded, {said}; 1.0 kB in ")

    def test_a_flood_of_failures_is_cut_short(self):
        assert len(list(failures(a_report(*outcomes_of(MOST_FAILURES, error="x"))))) == MOST_FAILURES
        lines = list(failures(a_report(*outcomes_of(MOST_FAILURES + 7, error="x"))))
        assert len(lines) == MOST_FAILURES + 1
        assert lines[-1] == "and 7 more; --report FILE has them all."

    @pytest.mark.parametrize("name", HOSTILE)
    def test_names_are_no_templates_for_the_log(self, name, log, caplog):
        outcome = an_outcome(Status.FAILED, extract=an_extract(data_set=name), error=name)
        Summary(log, FOLDER)(Finished(a_report(outcome)))
        assert caplog.messages[0] == f"{outcome.extract} failed: {name}"


def test_a_notice_says_why_it_waits_or_what_it_warns_of():
    assert notice(HELD) == "Waiting 12 s: school.example asked to wait (429)"
    assert notice(Warned("careful")) == "careful"


def test_a_run_that_nobody_watches_goes_on():
    for event in a_run():
        unobserved(event)


def test_an_event_shows_no_signed_link():
    assert "hush" not in repr(a_run())
