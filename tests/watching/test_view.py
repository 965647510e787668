"""The view of a run on a terminal."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest
from rich.console import Console

from bds_async.cli.output.log import set_up_logging
from bds_async.events import (
    Ended,
    Finished,
    Held,
    ListsRead,
    Merging,
    OutageBegan,
    OutageEnded,
    Planned,
    Received,
    Sized,
    Started,
    Warned,
)
from bds_async.models import BdsType
from bds_async.watching.view import MOST_ROWS, View
from tests.support.builders import an_extract, an_outcome
from tests.support.terminal import Screen
from tests.watching.a_run import A_MIRROR, A_REVIEW, HELD, HOSTILE, LARGE, SMALL, a_report, a_run

NOON = datetime(2026, 11, 22, 12, 0, 0)


class Shown:
    """A view on a terminal that records its output, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, soft_wrap=True)
        self.view = View(logging.getLogger("bds_async.test"), self.console, lambda: self.now, lambda: NOON)

    @property
    def written(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()

    def see(self, *events) -> None:
        for event in events:
            self.view(event)

    def rows(self, width: int = 80, height: int = 24) -> list[str]:
        drawn = Console(file=io.StringIO(), width=250, color_system=None)
        with drawn.capture() as captured:
            drawn.print(self.view.rows(width, height))
        return [row.rstrip() for row in captured.get().splitlines()]


@pytest.fixture
def shown() -> Iterator[Shown]:
    found = Shown()
    set_up_logging(0, "text")
    with found.view:
        yield found
    logging.getLogger("bds_async").handlers = []


def test_before_the_plan_the_reading_of_the_lists_is_shown(shown: Shown) -> None:
    shown.see(ListsRead(0, None))
    assert shown.rows() == ["Reading the list of data sets"]
    shown.see(ListsRead(45, 139))
    assert shown.rows() == ["Reading extract lists: 45 of 139"]
    shown.see(ListsRead(139, 139))
    assert shown.rows() == ["Comparing the extract lists with the ledger"]


def test_the_plan_is_a_line_and_the_rows_show_the_run_and_each_transfer(shown: Shown) -> None:
    shown.see(ListsRead(1, 1), *a_run()[:3])
    shown.now += 1
    overall, transfer = shown.rows()
    assert overall.split() == ["0", "of", "2", "extracts", "0.0/4.0", "MB", "2.0", "kB/s", "33:19"]
    assert transfer.split() == ["User", "Enrollments", "(full)", "0.0/4.0", "MB", "2.0", "kB/s", "33:19"]
    assert "2 extracts to fetch, about 4.0 MB; 3 already there." in shown.written


def test_the_size_of_an_answer_replaces_the_listed_one_in_the_sum_too(shown: Shown) -> None:
    shown.see(Planned((LARGE, SMALL), 0), Started(LARGE, 0), Sized(LARGE, 7_000_000), Received(LARGE, 6_900_000))
    assert "6.9/7.0 MB" in shown.rows()[0]
    assert "6.9/7.0 MB" in shown.rows()[1]


def test_a_body_that_is_longer_than_any_size_said_never_passes_its_end(shown: Shown) -> None:
    shown.see(Planned((SMALL,), 0), Started(SMALL, 0), Received(SMALL, 10_000))
    assert all("10.0/10.0 kB" in row for row in shown.rows())


def test_a_hold_counts_down_in_a_row_and_is_over_by_itself(shown: Shown) -> None:
    shown.see(Planned((LARGE,), 0), Started(LARGE, 0), Held("school.example asked to wait (429)", 12.0))
    assert shown.rows()[1] == "Waiting for the rate limit until 12:00:12, 12 s left"
    assert "waiting for the rate limit until 12:00:12" in shown.rows()[2]
    shown.now += 5
    assert shown.rows()[1].endswith(", 7 s left")
    shown.now += 7
    assert len(shown.rows()) == 2


def test_an_outage_is_a_line_and_a_row_until_it_ends(shown: Shown) -> None:
    shown.see(ListsRead(0, None), OutageBegan("Can't connect to school.", 300.0))
    assert shown.rows()[1] == "Waiting for Brightspace until 12:05, 300 s left"
    shown.see(OutageEnded(31.0))
    assert shown.rows() == ["Reading the list of data sets"]
    assert "Can't connect to school. Retrying for up to 5 minutes." in shown.written
    assert "Brightspace answers again, after 31 s." in shown.written


def test_log_lines_appear_above_the_rows_and_are_not_cut(shown: Shown) -> None:
    shown.see(*a_run()[:3])
    logging.getLogger("bds_async.other").warning("%s", "x" * 200)
    assert f"bds-async: warning: {'x' * 200}" in shown.written.replace("\r", "")


def test_a_warning_cannot_control_the_terminal(shown: Shown) -> None:
    shown.see(*a_run()[:3], Warned("Users\x1b]0;title\x07"))
    assert "\x1b]0;title" not in shown.written


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_messages_are_shown_as_they_are(shown: Shown, name: str) -> None:
    """They come from the server, and brackets have a meaning in the library that draws the rows."""
    extract = an_extract(data_set=name, bds_type=BdsType.DIFFERENTIAL)
    shown.see(*a_run(extract)[:3], Warned(f"warned {name}"))
    assert f"{name} (differential)" in shown.rows(120)[1]
    assert f"warned {name}" in shown.written


@pytest.mark.parametrize(("height", "most"), [(24, MOST_ROWS), (10, 6), (3, 1)])
def test_only_so_many_transfers_have_a_row_and_the_rest_is_counted(shown: Shown, height: int, most: int) -> None:
    many = [an_extract(plugin_id=str(number)) for number in range(3 * MOST_ROWS)]
    shown.see(Planned(tuple(many), 0), *(Started(extract, 0) for extract in many))
    rows = shown.rows(height=height)
    assert len(rows) == most + 2
    assert rows[-1] == f"  and {3 * MOST_ROWS - most} more"
    shown.see(*(Ended(an_outcome(extract=one)) for one in many))
    assert len(shown.rows()) == 1


def test_a_verification_has_one_row_and_may_be_followed_by_a_run(shown: Shown) -> None:
    shown.see(*A_REVIEW[:3])
    assert shown.rows()[0].startswith("1 of 2 files")
    shown.see(*A_REVIEW[3:], *a_run()[:3])
    assert shown.rows()[0].startswith("0 of 2 extracts")


def test_a_mirror_has_the_overall_row_for_itself(shown: Shown) -> None:
    shown.see(*a_run()[:-1])
    shown.now += HELD.seconds
    shown.see(*A_MIRROR, Merging("users", "Users", "Users/full/Users_full_x.zip"))
    shown.now += 1
    row, table = shown.rows()
    assert re.fullmatch(r"  \d+ rows applied; now users, Users_full_x\.zip", table)
    assert row.split() == ["mirror:", "1", "of", "2", "extracts", "0.7/1.5", "kB", "700", "B/s", "0:01"]


def test_where_there_is_nothing_to_fetch_it_says_so_and_draws_nothing(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.see(Planned((), 0, "why not"))
    assert capsys.readouterr().err == "Nothing to fetch: why not.\n"
    assert shown.written == ""


def test_a_run_that_never_had_a_plan_shows_nothing(shown: Shown) -> None:
    shown.see(Finished(a_report()))
    assert shown.written == ""


@pytest.mark.parametrize("last", [Finished(a_report()), None])
def test_at_the_end_the_screen_and_stderr_are_free(monkeypatch: pytest.MonkeyPatch, last: Finished | None) -> None:
    """Even if an error ends the run without its last event."""
    shown = Shown()
    monkeypatch.setattr(sys, "stderr", shown.console.file)
    with shown.view:
        shown.see(*a_run()[:3], *([last] if last else []))
    assert sys.stderr is shown.console.file
    screen = Screen(80)
    screen.feed(shown.written.replace("\n", "\r\n"))
    assert screen.lines == []
    assert shown.written.rindex("\x1b[?25h") > shown.written.rindex("\x1b[?25l"), "the cursor is shown again"


def test_by_default_it_is_on_stderr() -> None:
    assert View(logging.getLogger("bds_async.test")).console.stderr
