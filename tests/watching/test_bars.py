"""What a person sees of a run on a terminal."""

import io

import pytest
from rich.console import Console

from bds_async.events import Ended, Finished, OutageBegan, OutageEnded, Planned, Received, Started, Warned
from bds_async.models import BdsType
from bds_async.watching.bars import MOST_BARS, Bars
from tests.support.builders import an_extract, an_outcome
from tests.watching.a_run import A_MIRROR, A_REVIEW, HOSTILE, LARGE, SMALL, a_report, a_run


class Screen:
    """A terminal that remembers what was shown."""

    def __init__(self) -> None:
        self.console = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
        self.bars = Bars(self.console)

    @property
    def text(self) -> str:
        """Everything that is on the screen."""
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()

    def show(self, *events) -> str:
        for event in events:
            self.bars(event)
        self.bars._progress.refresh()
        return self.text


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

    def test_an_outage_is_told_between_them(self, screen):
        shown = screen.show(*a_run()[:3], OutageBegan("Can't connect to school.", 300.0), OutageEnded(31.0))
        assert "Can't connect to school. Retrying for up to 5 minutes." in shown
        assert "Brightspace answers again, after 31 s." in shown

    def test_a_warning_cannot_control_the_terminal(self, screen):
        assert "\x1b]0;title" not in screen.show(Warned("Users\x1b]0;title\x07"))

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

    def test_a_mirror_has_the_overall_bar_for_itself(self, screen):
        shown = screen.show(*a_run()[:-1], *A_MIRROR)
        assert "mirror: 1 of 2 extracts" in shown

    def test_a_run_that_never_had_a_plan_shows_nothing(self):
        screen = Screen()
        screen.bars(Finished(a_report()))
        assert screen.text == ""

    def test_after_the_end_the_screen_is_free(self):
        screen = Screen()
        for event in a_run():
            screen.bars(event)
        assert not screen.bars._progress.live.is_started

    def test_by_default_they_are_on_stderr(self):
        assert Bars()._progress.console.stderr
