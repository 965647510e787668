"""What a sync delivers if lists lose entries for a while, dates or the clock are wrong, or versions are mixed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bds_async.ledger import Missed
from bds_async.models import BdsType, Extract
from bds_async.planning.look import Look
from tests.support.sync_world import Books, World, an_extract, at, diff, full, moments, remade

DAY = 24
YEARS = timedelta(days=7300)
DATA_SET = World([], {}).data_set


def sync(books: Books, hour: float, *listed: Extract, fails: tuple[Extract, ...] = ()) -> list[tuple[str, float, str]]:
    """One run at an hour of the clock, with these extracts listed."""
    look = Look.of(at(hour), listed)
    return moments(books.keep_and_deliver(DATA_SET, listed, look, at(hour), fails=lambda each: each in fails))


class TestListedAgain:
    """An extract that was absent from a list and returns was not missed."""

    def test_older_ones_that_are_listed_again_close_the_gap_that_their_absence_opened(self):
        books, usual = Books(), [full(0), diff(DAY), diff(2 * DAY), diff(3 * DAY)]
        sync(books, 3 * DAY + 1, *usual)
        sync(books, 4 * DAY + 1, full(0), diff(4 * DAY))
        assert books.open_gaps == [Missed(at(3 * DAY), at(4 * DAY))]
        assert sync(books, 4 * DAY + 2, *usual, diff(4 * DAY - 6), diff(4 * DAY)) == [("diff", 4 * DAY - 6, "late")]
        assert books.open_gaps == []

    def test_newer_ones_don_t(self):
        books = Books()
        sync(books, 3 * DAY + 1, full(0), diff(DAY), diff(2 * DAY), diff(3 * DAY))
        sync(books, 4 * DAY + 1, full(0), diff(4 * DAY))
        sync(books, 5 * DAY + 1, full(0), diff(4 * DAY - 6), diff(4 * DAY), diff(5 * DAY))
        assert books.open_gaps == [Missed(at(3 * DAY), at(4 * DAY))]

    def test_a_lost_one_closes_its_gap_once_it_is_delivered(self):
        books, lost = Books(), diff(2 * DAY)
        sync(books, 3 * DAY + 1, full(0), diff(DAY), lost, diff(3 * DAY), fails=(lost,))
        sync(books, 3 * DAY + 2, full(0), diff(DAY), diff(3 * DAY))
        assert books.open_gaps == [Missed(at(DAY), at(3 * DAY))]
        sync(books, 3 * DAY + 3, full(0), diff(DAY), lost, diff(3 * DAY), fails=(lost,))
        assert books.open_gaps != []
        assert sync(books, 3 * DAY + 4, full(0), diff(DAY), lost, diff(3 * DAY)) == [("diff", 2 * DAY, "late")]
        assert books.open_gaps == []

    def test_a_gap_with_a_lost_one_in_it_is_not_closed_by_the_others(self):
        books, lost = Books(), diff(3 * DAY)
        sync(books, 2 * DAY + 1, full(0), diff(DAY), diff(2 * DAY))
        sync(books, 3 * DAY + 1, full(0), diff(DAY), diff(2 * DAY), lost, fails=(lost,))
        sync(books, 4 * DAY + 1, full(0), diff(4 * DAY))
        sync(books, 4 * DAY + 2, full(0), diff(DAY), diff(2 * DAY), diff(4 * DAY))
        assert books.open_gaps == [Missed(at(2 * DAY), at(4 * DAY))]


class TestWrongDates:
    """An impossible date hides no gap and causes none."""

    @pytest.mark.parametrize("others", [[], [full(0, lag=timedelta())]], ids=["one data set", "with others"])
    def test_one_date_far_ahead_tells_nothing(self, others):
        usual = [full(0), diff(DAY), diff(2 * DAY), *others]
        assert Look.of(at(3 * DAY), [*usual, diff(3 * DAY, lag=YEARS)]) == Look.of(at(3 * DAY), usual)

    def test_where_most_are_ahead_the_clock_is_behind(self):
        listed = [full(0), diff(400 * DAY), diff(401 * DAY)]
        assert Look.of(at(DAY), listed).latest == listed[-1].created_date

    @pytest.mark.parametrize("lag", [YEARS, -YEARS], ids=["ahead", "behind"])
    def test_a_gap_is_seen_in_spite_of_one(self, lag):
        books, usual = Books(), [full(0), diff(DAY), diff(2 * DAY)]
        sync(books, 2 * DAY + 1, *usual)
        sync(books, 3 * DAY + 1, *usual, diff(3 * DAY, lag=lag))
        sync(books, 43 * DAY, full(0), diff(40 * DAY), diff(41 * DAY))
        assert books.open_gaps == [Missed(at(3 * DAY), at(40 * DAY))]

    def test_a_gap_is_seen_although_the_clock_was_years_behind_at_a_delivery(self):
        books, usual = Books(), [full(0), diff(DAY), diff(2 * DAY)]
        sync(books, -2000 * DAY, *usual)
        sync(books, 2 * DAY + 1, *usual)
        sync(books, 43 * DAY, full(0))
        assert books.open_gaps == [Missed(at(2 * DAY), None)]


class TestFulls:
    """Which fulls follow the baseline, if not all of them were requested."""

    def test_an_older_version_beside_the_baseline_is_not_the_baseline_made_anew(self):
        newer = full(0, version="9.10")
        older = an_extract(BdsType.FULL, 0, lag=timedelta(hours=1), version="9.4")
        books = Books()
        assert sync(books, DAY, older, newer) == [("full", 0, "baseline")]
        assert newer.identity in books.delivered
        assert sync(books, DAY + 1, older, newer) == []
        assert sync(books, DAY + 2, older) == []

    @pytest.mark.parametrize("version", ["9.10", "9.11"])
    def test_a_later_making_of_it_is_delivered(self, version):
        books, base = Books(), full(0, version="9.10")
        sync(books, DAY, base)
        again = remade(base, timedelta(hours=2), version=version)
        assert sync(books, DAY + 1, base, again) == [("full", 0, "reissued")]

    def test_one_that_was_delivered_and_is_owed_again_is_delivered_again(self):
        books = Books()
        sync(books, DAY, full(0))
        books.deliver(full(7 * DAY), at(8 * DAY))
        books.owed = frozenset({full(0).identity})
        del books.delivered[full(0).identity]
        assert sync(books, 8 * DAY, full(0), full(7 * DAY)) == [("full", 0, "late")]
        assert books.owed == frozenset()
