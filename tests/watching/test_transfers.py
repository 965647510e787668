"""The state of each transfer in words, and its rate, with a clock that the test sets."""

from __future__ import annotations

from datetime import datetime

import pytest

from bds_async.events import Ended, Entered, Event, Phase, Received, Restarted, Retrying, Sized, Started
from bds_async.watching.meter import WINDOW, Meter
from bds_async.watching.transfers import QUIET, State, Transfers, wait_state
from tests.support.builders import an_outcome
from tests.watching.a_run import LARGE, SMALL


class Watched:
    """Transfers with a clock that moves only on request."""

    def __init__(self) -> None:
        self.now = 100.0
        self.transfers = Transfers(lambda: self.now)

    def see(self, *events: Event) -> None:
        for event in events:
            self.transfers(event)

    def state(self, held: State | None = None) -> str | None:
        (transfer,) = self.transfers.all()
        state = transfer.state(self.now, held)
        return state.text if state is not None else None


@pytest.fixture
def watched() -> Watched:
    found = Watched()
    found.see(Started(LARGE, 0))
    return found


def test_a_transfer_starts_receives_is_verified_and_published(watched: Watched) -> None:
    assert watched.state() == "starting"
    watched.see(Received(LARGE, 1000))
    assert watched.state() is None
    for phase in Phase:
        watched.see(Entered(LARGE, phase))
        assert watched.state() == phase.value
    watched.see(Ended(an_outcome(extract=LARGE)))
    assert watched.transfers.all() == []


def test_what_is_done_to_most_transfers_is_named_once_no_byte_is_to_come(watched: Watched) -> None:
    watched.see(Started(SMALL, 0), Entered(LARGE, Phase.CONVERTING))
    assert watched.transfers.common_state() is None
    watched.see(Entered(SMALL, Phase.CONVERTING))
    state = watched.transfers.common_state()
    assert state is not None
    assert state.text == "converting"


def test_a_wait_for_a_retry_counts_down_and_then_the_transfer_resumes(watched: Watched) -> None:
    watched.see(Received(LARGE, 1000), Retrying(LARGE, 2, 6, 3.5, "x broke off."))
    said = []
    for _ in range(5):
        said.append(watched.state())
        watched.now += 1
    assert said == [*(f"retry 2 of 6 in {left} s" for left in (4, 3, 2, 1)), "resuming"]
    watched.see(Received(LARGE, 1))
    assert watched.state() is None


def test_without_bytes_it_starts_again_in_place_of_resuming(watched: Watched) -> None:
    watched.see(Received(LARGE, 1000), Restarted(LARGE, 1000))
    assert watched.state() == "starting"


def test_a_server_that_asked_to_wait_has_used_up_no_try(watched: Watched) -> None:
    watched.see(Retrying(LARGE, 1, 6, 12.0, "x answered 429."))
    assert watched.state() == "asked to wait, 12 s left"


def test_what_holds_requests_is_the_state_of_a_transfer_that_has_to_ask_and_of_no_other(watched: Watched) -> None:
    held = wait_state("the rate limit", 180, datetime(2026, 11, 22, 12, 0, 30))
    assert watched.state(held) == "waiting for the rate limit until 12:03"
    watched.see(Received(LARGE, 1))
    assert watched.state(held) is None


def test_a_short_wait_is_given_to_the_second() -> None:
    held = wait_state("Brightspace", 5, datetime(2026, 11, 22, 12, 0, 58))
    assert held == State("waiting for Brightspace until 12:01:03", "Brightspace until 12:01:03")


def test_a_transfer_without_data_says_so_in_place_of_its_last_rate(watched: Watched) -> None:
    watched.see(Received(LARGE, 1000))
    watched.now += QUIET + 2
    assert watched.state() == "no data for 7 s"


def test_the_size_of_an_answer_replaces_the_listed_one(watched: Watched) -> None:
    watched.see(Sized(LARGE, 7_000_000), Sized(SMALL, 5))
    (transfer,) = watched.transfers.all()
    assert transfer.size == 7_000_000


def test_bytes_of_an_earlier_run_are_held_but_are_no_speed() -> None:
    watched = Watched()
    watched.see(Started(LARGE, 3_000_000), Received(LARGE, 500_000))
    watched.now += 1
    (transfer,) = watched.transfers.all()
    assert transfer.received == 3_500_000
    assert transfer.meter.rate(watched.now) == 500_000


def test_a_rate_is_that_of_the_last_seconds_and_falls_to_nothing() -> None:
    meter = Meter(0.0)
    for second in range(1, 21):
        meter.add(1000, second)
    assert meter.rate(20.0) == 1000
    assert meter.rate(20.0 + WINDOW / 2) == 500
    assert meter.rate(20.0 + WINDOW) == 0


def test_the_first_bytes_of_a_transfer_are_no_enormous_rate() -> None:
    meter = Meter(0.0)
    meter.add(1_000_000, 0.001)
    assert meter.rate(0.002) == 1_000_000


def test_transfers_that_wait_for_an_earlier_extract_come_last(watched: Watched) -> None:
    """A terminal has few rows, and many whole differentials may wait for their full."""
    watched.see(Entered(LARGE, Phase.WAITING), Started(SMALL, 0))
    assert [each.extract for each in watched.transfers.all()] == [SMALL, LARGE]
