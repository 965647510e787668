"""The times of attempts in the run report."""

from __future__ import annotations

import pytest

from bds_async.errors import ExtractError
from bds_async.report import AttemptTimes
from bds_async.transfer.attempts import MOST, Attempts


def made(attempts: Attempts, worker: int, *moments: float, size: int = 10, error: Exception | None = None) -> None:
    """Make one attempt that begins, is answered and ends at these moments, in seconds."""
    clock = iter(moments)
    with attempts.under_way(worker, lambda: next(clock)) as attempt:
        attempt.answered()
        attempt.bytes += size
        if error is not None:
            raise error


def test_an_attempt_has_its_worker_its_times_and_its_bytes() -> None:
    attempts = Attempts()
    made(attempts, 3, 1.0, 1.25, 2.0)
    assert attempts.all == [AttemptTimes(worker=3, began=1.0, waited=0.25, seconds=1.0, bytes=10, error=None)]


def test_an_attempt_that_is_not_answered_has_only_waited() -> None:
    attempts, clock = Attempts(), iter([1.0, 4.0])
    with attempts.under_way(1, lambda: next(clock)):
        pass
    assert [(each.waited, each.seconds) for each in attempts.all] == [(3.0, 3.0)]


def test_pieces_that_a_worker_fetches_one_after_the_other_are_one_attempt() -> None:
    """Independent of what other workers fetch meanwhile."""
    attempts = Attempts()
    for start in (1.0, 2.0, 3.0):
        for worker in (1, 2):
            made(attempts, worker, start, start + 0.1, start + 1)
    made(attempts, 1, 5.0, 5.1, 6.0)
    assert [(each.worker, each.began, each.ended, each.bytes) for each in attempts.all] == [
        (1, 1.0, 4.0, 30),
        (2, 1.0, 4.0, 30),
        (1, 5.0, 6.0, 10),
    ]
    assert attempts.all[0].waited == pytest.approx(0.3)


def test_a_failed_attempt_says_why_and_what_follows_it_is_another() -> None:
    attempts = Attempts()
    for error in (ExtractError("h answered 503."), ValueError("a secret"), None):
        try:
            made(attempts, 1, 1.0, 1.5, 2.0, error=error)
        except (ExtractError, ValueError) as raised:
            assert raised is error  # noqa: PT017
    assert [each.error for each in attempts.all] == ["h answered 503.", "ValueError", None]


def test_a_file_that_is_not_valid_spoils_the_attempt_that_brought_it() -> None:
    attempts = Attempts()
    attempts.spoil("nothing was fetched")
    made(attempts, 1, 1.0, 1.5, 2.0)
    attempts.spoil("no zip")
    assert [each.error for each in attempts.all] == ["no zip"]


def test_the_number_of_attempts_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MOST + 5):
        made(attempts, 1, float(number), number + 0.1, number + 0.2)
    assert len(attempts.all) == MOST
