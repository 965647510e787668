"""What a sync delivers of one data set, and which gaps it reports, for many histories of tenants."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.ledger import Missed
from bds_async.models import BdsType, Extract, Identity
from bds_async.planning.look import Look
from tests.support.sync_world import LAG, START, Books, World, at, diff, full, moments, remade

DAY, WEEK = 24, 168
KEEPS = {BdsType.FULL: timedelta(days=21), BdsType.DIFFERENTIAL: timedelta(days=14)}


def hours(count: int, every: float, start: float = 0) -> list[float]:
    return [start + number * every for number in range(count)]


def a_world(differentials: list[float], fulls: list[float], **changes: object) -> World:
    made = [*(full(hour) for hour in fulls), *(diff(hour) for hour in differentials)]
    return World(made, **({"keeps": KEEPS} | changes))  # type: ignore[arg-type]


def daily(days: int) -> World:
    """A differential each day at noon, a full each Sunday at midnight."""
    return a_world(hours(days, DAY, 12), hours(days // 7 + 1, WEEK))


class TestBegin:
    def test_the_newest_full_and_what_was_queued_after_it(self):
        books = Books()
        assert moments(books.sync(daily(60), at(10 * DAY))) == [
            ("full", 7 * DAY, "baseline"),
            ("diff", 7.5 * DAY, "new"),
            ("diff", 8.5 * DAY, "new"),
            ("diff", 9.5 * DAY, "new"),
        ]
        assert books.gaps == []

    def test_then_each_new_differential_and_no_full(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY))
        assert moments(books.sync(world, at(10 * DAY + 1))) == []
        assert moments(books.sync(world, at(15 * DAY))) == [
            ("diff", 10.5 * DAY, "new"),
            ("diff", 11.5 * DAY, "new"),
            ("diff", 12.5 * DAY, "new"),
            ("diff", 13.5 * DAY, "new"),
            ("diff", 14.5 * DAY, "new"),
        ]

    def test_with_fulls_each_new_full_comes_in_its_order(self):
        books, world = Books(), daily(60)
        books.sync(world, at(13 * DAY), with_fulls=True)
        assert moments(books.sync(world, at(15 * DAY), with_fulls=True)) == [
            ("diff", 13.5 * DAY, "new"),
            ("full", 14 * DAY, "new"),
            ("diff", 14.5 * DAY, "new"),
        ]

    def test_without_a_full_every_listed_differential(self):
        books = Books()
        plan = books.sync(a_world(hours(5, DAY), []), at(5 * DAY))
        assert moments(plan) == [("diff", hour, "new") for hour in hours(5, DAY)]
        assert books.baseline is None

    def test_a_full_that_comes_later_is_the_baseline_then(self):
        books, world = Books(), a_world(hours(5, DAY), [3 * DAY + 1])
        books.sync(world, at(2 * DAY + 1))
        assert moments(books.sync(world, at(5 * DAY))) == [
            ("diff", 3 * DAY, "new"),
            ("full", 3 * DAY + 1, "baseline"),
            ("diff", 4 * DAY, "new"),
        ]

    def test_nothing_listed_is_nothing_planned(self):
        books = Books()
        assert moments(books.sync(a_world([], []), at(0))) == []
        assert moments(books.sync(a_world([], []), at(50 * DAY))) == []
        assert books.gaps == []

    def test_a_full_that_is_there_already_is_the_baseline_all_the_same(self):
        books, world = Books(), daily(60)
        books.deliver(full(7 * DAY), at(9 * DAY))
        assert moments(books.sync(world, at(9 * DAY))) == [("diff", 7.5 * DAY, "new"), ("diff", 8.5 * DAY, "new")]

    def test_of_an_older_full_that_is_there_the_newest_is_the_baseline(self):
        """A full pulled three weeks ago says nothing about the differentials since."""
        books, world = Books(), daily(60)
        books.deliver(full(7 * DAY), at(9 * DAY))
        plan = books.sync(world, at(30 * DAY))
        assert moments(plan)[:2] == [("full", 28 * DAY, "baseline"), ("diff", 28.5 * DAY, "new")]
        assert books.gaps == []

    def test_differentials_that_expired_before_the_first_look_are_a_gap(self):
        """The newest full is a month old here, and the list goes back the two weeks that differentials are kept."""
        world = a_world(hours(40, DAY, 12), [0], keeps={**KEEPS, BdsType.FULL: timedelta(days=60)})
        books = Books()
        assert not books.sync(world, at(30 * DAY)).begins_late
        assert books.open_gaps == [Missed(at(0), at(16.5 * DAY))]

    def test_an_old_baseline_is_told_where_nothing_shows_that_any_expired(self):
        """The newest full is a month old, the first differential three days: it may be the very first one."""
        world = a_world(hours(12, DAY, 27 * DAY + 12), [0], keeps={**KEEPS, BdsType.FULL: timedelta(days=60)})
        books = Books()
        assert books.sync(world, at(30 * DAY)).begins_late
        assert not books.sync(world, at(31 * DAY)).begins_late
        assert books.gaps == []

    def test_a_full_that_starts_again_is_told_to_be_old_where_nothing_is_listed_after_it(self):
        """After 29 days without a look, the newest full is older than differentials are kept: one may have expired."""
        keeps = {BdsType.FULL: timedelta(days=60), BdsType.DIFFERENTIAL: timedelta(days=13)}
        books, world = Books(), a_world([721], [0.5, 720.5], keeps=keeps)
        for hour in (1, 2, 333):
            assert not books.sync(world, at(hour)).begins_late
        assert books.sync(world, at(1033)).begins_late

    def test_a_young_data_set_begins_in_time(self):
        assert not Books().sync(a_world(hours(10, DAY, 12), [0]), at(10 * DAY)).begins_late


class TestOrder:
    def test_what_failed_is_delivered_later_and_comes_late(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY), fails=lambda extract: extract == diff(8.5 * DAY))
        assert moments(books.sync(world, at(11 * DAY))) == [
            ("diff", 8.5 * DAY, "late"),
            ("diff", 10.5 * DAY, "new"),
        ]

    def test_a_differential_that_appears_afterwards_is_late(self):
        books, world = Books(), daily(60)
        world.made = [
            diff(8.5 * DAY, lag=timedelta(days=2)) if each == diff(8.5 * DAY) else each for each in world.made
        ]
        books.sync(world, at(10 * DAY))
        assert moments(books.sync(world, at(11 * DAY)))[0] == ("diff", 8.5 * DAY, "late")

    @pytest.mark.parametrize("version", ["9.4", "9.5"])
    def test_a_differential_made_anew_is_delivered_again_and_reissued(self, version):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY))
        world.made.append(remade(diff(8.5 * DAY), timedelta(days=2), version=version))
        assert moments(books.sync(world, at(11 * DAY)))[0] == ("diff", 8.5 * DAY, "reissued")
        assert moments(books.sync(world, at(11 * DAY))) == []

    def test_a_differential_made_anew_before_it_was_delivered_is_delivered_once(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY), fails=lambda extract: extract == diff(9.5 * DAY))
        world.made.remove(diff(9.5 * DAY))
        world.made.append(remade(diff(9.5 * DAY), timedelta(hours=15)))
        assert moments(books.sync(world, at(10.5 * DAY))) == [("diff", 9.5 * DAY, "reissued")]
        assert books.gaps == []

    def test_a_baseline_made_anew_is_delivered_again(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY))
        world.made.append(remade(full(7 * DAY), timedelta(days=3)))
        assert moments(books.sync(world, at(11 * DAY)))[0] == ("full", 7 * DAY, "reissued")

    def test_versions_side_by_side_are_two_extracts(self):
        books, world = Books(), daily(60)
        world.made += [remade(diff(9.5 * DAY), timedelta(seconds=-5), version="8.0"), full(7 * DAY, version="8.0")]
        assert moments(books.sync(world, at(10 * DAY)))[-2:] == [("diff", 9.5 * DAY, "new")] * 2
        assert moments(books.sync(world, at(10 * DAY))) == []

    def test_a_baseline_that_failed_is_tried_again_and_comes_late(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY), fails=lambda extract: extract.bds_type is BdsType.FULL)
        assert moments(books.sync(world, at(11 * DAY))) == [("full", 7 * DAY, "baseline"), ("diff", 10.5 * DAY, "new")]

    def test_a_baseline_that_keeps_failing_is_replaced_by_the_next_full(self):
        books, world = Books(), daily(60)
        for day in range(10, 15):
            books.sync(world, at(day * DAY), fails=lambda extract: extract.bds_type is BdsType.FULL)
        assert moments(books.sync(world, at(15 * DAY))) == [("full", 14 * DAY, "baseline"), ("diff", 14.5 * DAY, "new")]
        assert books.gaps == []


class TestGaps:
    def test_an_outage_that_the_list_outlasts_is_none(self):
        books, world = Books(), daily(60)
        books.sync(world, at(15 * DAY))
        plan = books.sync(world, at(28 * DAY))
        assert len(plan.due) == 13
        assert books.gaps == []

    def test_after_a_longer_one_the_newest_full_is_the_new_baseline(self):
        books, world = Books(), daily(60)
        books.sync(world, at(15 * DAY))
        plan = books.sync(world, at(36 * DAY + 13))
        assert moments(plan) == [
            ("full", 35 * DAY, "baseline"),
            ("diff", 35.5 * DAY, "new"),
            ("diff", 36.5 * DAY, "new"),
        ]
        assert books.gaps == [Missed(at(14.5 * DAY), at(35 * DAY))]
        assert books.open_gaps == []

    def test_without_a_full_that_is_new_enough_the_gap_stays_open_until_one_covers_it(self):
        """Here differentials are listed for three days, and fulls are made each week."""
        keeps = {**KEEPS, BdsType.DIFFERENTIAL: timedelta(days=3)}
        books, world = Books(), a_world(hours(60, DAY, 12), hours(9, WEEK), keeps=keeps)
        for day in range(7, 15):
            books.sync(world, at(day * DAY + 6))
        assert books.gaps == []
        plan = books.sync(world, at(20 * DAY))
        assert [moment for _, moment, _ in moments(plan)] == [17.5 * DAY, 18.5 * DAY, 19.5 * DAY]
        assert books.open_gaps == [Missed(at(13.5 * DAY), at(17.5 * DAY))]
        assert moments(books.sync(world, at(20 * DAY + 18))) == [("diff", 20.5 * DAY, "new")]
        assert books.open_gaps != []
        assert moments(books.sync(world, at(22 * DAY))) == [("full", 21 * DAY, "baseline"), ("diff", 21.5 * DAY, "new")]
        assert books.open_gaps == []

    def test_a_full_that_was_delivered_meanwhile_closes_it(self):
        books, world = Books(), daily(60)
        books.sync(world, at(15 * DAY))
        books.deliver(full(35 * DAY), at(36 * DAY))
        plan = books.sync(world, at(36 * DAY))
        assert moments(plan) == [("diff", 35.5 * DAY, "new")]
        assert (books.gaps, books.open_gaps) == ([Missed(at(14.5 * DAY), at(35 * DAY))], [])

    def test_with_fulls_those_before_the_one_that_closes_it_come_too(self):
        books, world = Books(), daily(60)
        books.sync(world, at(15 * DAY), with_fulls=True)
        assert moments(books.sync(world, at(36 * DAY), with_fulls=True)) == [
            ("full", 21 * DAY, "new"),
            ("full", 28 * DAY, "new"),
            ("full", 35 * DAY, "baseline"),
            ("diff", 35.5 * DAY, "new"),
        ]

    def test_where_nothing_is_listed_any_more_the_newest_full_closes_it(self):
        books, world = Books(), a_world(hours(20, DAY, 12), hours(6, WEEK))
        books.sync(world, at(15 * DAY))
        assert moments(books.sync(world, at(36 * DAY))) == [("full", 35 * DAY, "baseline")]
        assert books.gaps == [Missed(at(14.5 * DAY), at(35 * DAY))]

    def test_where_nothing_at_all_is_listed_it_stays_open(self):
        books, world = Books(), a_world(hours(20, DAY, 12), [7 * DAY])
        books.sync(world, at(15 * DAY))
        books.sync(world, at(50 * DAY))
        assert books.open_gaps == [Missed(at(14.5 * DAY), None)]

    def test_what_was_planned_and_expired_undelivered_is_a_gap(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY))
        for hour in range(10 * DAY, 26 * DAY, 12):
            books.sync(world, at(hour), fails=lambda extract: extract in (diff(10.5 * DAY), diff(11.5 * DAY)))
        assert books.gaps == [Missed(at(9.5 * DAY), at(11.5 * DAY)), Missed(at(9.5 * DAY), at(12.5 * DAY))]
        assert books.open_gaps == []
        assert books.newest(BdsType.FULL) == at(21 * DAY)

    def test_what_is_lost_in_a_killed_run_lies_in_the_gap_that_follows(self):
        books, world = Books(), daily(60)
        books.sync(world, at(10 * DAY))
        books.sync(world, at(13 * DAY), fails=lambda extract: True)
        books.sync(world, at(36 * DAY))
        assert books.gaps == [Missed(at(9.5 * DAY), at(35 * DAY))]


class TestNoGap:
    def test_a_tenant_that_makes_nothing_for_three_weeks(self):
        world = a_world([*hours(20, DAY, 12), *hours(10, DAY, 45 * DAY)], hours(8, WEEK))
        books = Books()
        for hour in range(10 * DAY, 52 * DAY, 6):
            books.sync(world, at(hour))
        assert books.gaps == []
        assert len(books.deliveries) == len(set(books.deliveries)) == 1 + 13 + 7

    def test_the_last_one_expires_as_the_next_one_appears(self):
        """Differentials every two weeks, listed for two weeks."""
        books, world = Books(), a_world(hours(10, 14 * DAY, 12), hours(20, WEEK))
        for day in range(1, 130):
            books.sync(world, at(day * DAY))
        assert books.gaps == []
        assert len(books.deliveries) == 1 + 10

    def test_the_first_differential_ever(self):
        books, world = Books(), a_world(hours(5, DAY, 40 * DAY), hours(8, WEEK))
        for day in range(1, 46):
            books.sync(world, at(day * DAY))
        assert books.gaps == []
        assert books.deliveries[1:] == [diff(40 * DAY + day * DAY).identity for day in range(5)]

    def test_a_full_that_outlives_the_differentials_before_it(self):
        """The last delivery is a full, which is listed for longer than differentials."""
        books, world = Books(), a_world([12, 36], [48, 216])
        for day in range(3, 30):
            books.sync(world, at(day * DAY))
        assert (books.gaps, len(books.deliveries)) == ([], 1)

    def test_weekly_differentials_watched_by_a_weekly_job(self):
        books, world = Books(), a_world(hours(52, WEEK, 12), hours(52, WEEK))
        for week in range(2, 50):
            books.sync(world, at(week * WEEK + 30))
        assert books.gaps == []
        assert len(books.deliveries) == 1 + 48

    def test_where_none_has_ever_been_seen_a_newer_full_is_taken_to_be_safe(self):
        books, world = Books(), a_world([], hours(8, WEEK))
        books.sync(world, at(10 * DAY))
        assert moments(books.sync(world, at(22 * DAY))) == []
        assert moments(books.sync(world, at(43 * DAY))) == [("full", 42 * DAY, "baseline")]
        assert books.gaps == []

    def test_where_no_newer_full_is_there_either_that_is_said(self):
        books, world = Books(), a_world([], hours(3, 60 * DAY))
        books.sync(world, at(10 * DAY))
        books.sync(world, at(40 * DAY))
        assert books.open_gaps == [Missed(at(0), None)]

    def test_where_there_is_no_differential_flavour_the_first_full_is_all(self):
        books, world = Books(), a_world([], hours(8, WEEK))
        world.data_set = replace(world.data_set, differential=None)
        books.sync(world, at(10 * DAY))
        assert moments(books.sync(world, at(43 * DAY))) == []
        assert books.gaps == []

    def test_the_only_data_set_of_a_quiet_tenant(self):
        """Nothing else advances the tenant's dates here, so only the clock shows that there was a look."""
        world = a_world([12], [], busy=False)
        books = Books()
        for hour in range(13, 30 * DAY):
            books.sync(world, at(hour))
        assert books.gaps == []

    def test_one_that_is_replaced_by_a_new_making_has_not_expired(self):
        books, world = Books(), a_world([*hours(20, DAY, 12), 60 * DAY], hours(10, WEEK))
        again = remade(diff(60 * DAY), timedelta(days=1))
        for hour in range(10 * DAY, 63 * DAY, 6):
            if at(hour) >= again.created_date and again not in world.made:
                world.made = [again if each == diff(60 * DAY) else each for each in world.made]
            books.sync(world, at(hour))
        assert books.gaps == []


class TestEvidence:
    def test_a_tenant_that_keeps_differentials_for_less_time_than_before(self):
        books, world = Books(), daily(80)
        for day in range(10, 40):
            books.sync(world, at(day * DAY))
        world.keeps = {**KEEPS, BdsType.DIFFERENTIAL: timedelta(days=3)}
        books.sync(world, at(47 * DAY))
        assert books.gaps == [Missed(at(38.5 * DAY), at(44.5 * DAY))] or books.gaps == [
            Missed(at(38.5 * DAY), at(42 * DAY))
        ]

    def test_a_clock_that_was_set_back_tells_nothing(self):
        world = a_world(hours(3, DAY, 30 * DAY), [], busy=False)
        books = Books()
        books.sync(a_world([12], [], busy=False), at(DAY))
        books.sync(a_world([], [], busy=False), at(100 * DAY))
        books.sync(world, at(33 * DAY))
        assert books.open_gaps[-1] == Missed(at(12), at(30 * DAY))


class TestDatesAlone:
    """A tenant whose dates are independent of the clock: between two syncs no time passes."""

    NOW = START + timedelta(days=400)

    def sync(self, books: Books, *listed: Extract, now: datetime = NOW) -> list[tuple[str, float, str]]:
        latest = max(extract.created_date for extract in listed)
        world = World(list(listed), dict.fromkeys(BdsType, timedelta(days=9999)), busy=False)
        return moments(books.keep_and_deliver(world.data_set, listed, Look(now, latest), now))

    @pytest.mark.parametrize("now", [NOW, START - timedelta(days=5)], ids=["dates behind the clock", "ahead of it"])
    @pytest.mark.parametrize(
        "first",
        [
            [full(0), diff(DAY), diff(2 * DAY), diff(3 * DAY)],
            [full(0), diff(DAY)],
            [full(0), *(diff(-day * DAY) for day in range(14)), diff(DAY)],
            [full(0)],
        ],
        ids=["some", "one", "many", "none"],
    )
    @pytest.mark.parametrize("jump", [10 * DAY, 30 * DAY], ids=["ten days", "a month"])
    def test_all_gone_and_newer_ones_there_is_a_gap(self, first, jump, now):
        books = Books()
        self.sync(books, *first, now=now)
        later = self.sync(books, full(jump), diff(jump - 12), diff(jump + 12), now=now)
        assert later == [("full", jump, "baseline"), ("diff", jump + 12, "new")]
        assert len(books.gaps) == 1
        assert books.open_gaps == []

    def test_none_listed_any_more_and_a_newer_full_there_is_a_gap(self):
        books = Books()
        self.sync(books, full(0), diff(DAY), diff(2 * DAY))
        assert self.sync(books, full(7 * DAY)) == [("full", 7 * DAY, "baseline")]
        assert books.gaps == [Missed(at(2 * DAY), at(7 * DAY))]

    def test_none_listed_any_more_and_nothing_new_is_none(self):
        books = Books()
        self.sync(books, full(0), diff(DAY))
        assert self.sync(books, full(0)) == []
        assert books.gaps == []

    def test_one_that_stays_shows_that_nothing_was_missed(self):
        books = Books()
        self.sync(books, full(0), diff(DAY), diff(2 * DAY))
        assert self.sync(books, diff(2 * DAY), diff(40 * DAY)) == [("diff", 40 * DAY, "new")]
        assert books.gaps == []

    def test_without_a_full_it_stays_open(self):
        books = Books()
        self.sync(books, diff(DAY), diff(2 * DAY))
        assert self.sync(books, diff(40 * DAY), diff(41 * DAY)) == [
            ("diff", 40 * DAY, "new"),
            ("diff", 41 * DAY, "new"),
        ]
        assert books.open_gaps == [Missed(at(2 * DAY), at(40 * DAY))]


# Random histories


@st.composite
def courses(draw: st.DrawFn) -> World:
    """Differentials that change between hourly, daily and weekly, with pauses; fulls in their own rhythm."""
    stretches = draw(st.lists(st.tuples(st.sampled_from([1, 6, 24, 168]), st.integers(1, 25)), max_size=8))
    pauses = draw(st.lists(st.integers(0, 900), min_size=len(stretches), max_size=len(stretches)))
    steps = [
        step for (every, count), pause in zip(stretches, pauses, strict=True) for step in [pause, *([every] * count)]
    ]
    differentials = sorted(set(accumulate(steps)))
    every = draw(st.sampled_from([24, 168, 720]))
    fulls = hours(3000 // every, every, draw(st.integers(0, 200)) + 0.5)
    keeps = {
        BdsType.FULL: timedelta(days=draw(st.integers(7, 60))),
        BdsType.DIFFERENTIAL: timedelta(days=draw(st.integers(13, 20))),
    }
    world = a_world([float(each) for each in differentials], draw(st.sampled_from([fulls, []])), keeps=keeps)
    world.made += (
        [
            remade(each, timedelta(hours=draw(st.integers(1, 300))))
            for each in draw(st.sets(st.sampled_from(world.made), max_size=3))
        ]
        if world.made
        else []
    )
    return world


def looks(longest: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, longest), min_size=1, max_size=40).map(lambda steps: list(accumulate(steps)))


def is_accounted_for(extract: Extract, books: Books) -> bool:
    """Delivered in any generation, owed, in a gap, in a warning, or older than a baseline."""
    queued = extract.queued_for_processing_date
    return (
        any(_is_making_of(extract, identity) for identity in books.delivered)
        or extract.identity in books.owed
        or any(gap.holds(queued) for gap in books.gaps)
        or any(queued <= baseline for baseline in books.baselines)
        or any(begin < queued < end for begin, end in books.late)
    )


def _is_making_of(extract: Extract, identity: Identity) -> bool:
    return (extract.bds_type, extract.queued_for_processing_date) == (
        identity.bds_type,
        identity.queued_for_processing_date,
    )


@settings(max_examples=60, deadline=None)
@given(courses(), looks(700), st.integers(0, 3), st.integers(), st.booleans())
def test_nothing_is_delivered_twice_and_nothing_is_lost_in_silence(
    world: World, at_hours: list[int], failing: int, seed: int, with_fulls: bool
) -> None:
    """For any failures and any time without a look, each differential after the first look is accounted for."""
    books, draw = Books(), random.Random(seed)
    begun: list[float] = []
    for hour in at_hours:
        books.sync(world, at(hour), fails=lambda extract: draw.randrange(10) < failing, with_fulls=with_fulls)
        begun += [hour] if books.state([]).has_begun else []
    assert len(books.deliveries) == len(set(books.deliveries))
    seen = [each for each in world.made if begun and at(begun[0]) < each.created_date <= at(at_hours[-1])]
    differentials = [each for each in seen if each.bds_type is BdsType.DIFFERENTIAL and is_fresh(each)]
    assert [each for each in differentials if not is_accounted_for(each, books)] == []


def is_fresh(extract: Extract) -> bool:
    """Whether it was made soon after its moment; a late one may appear and expire between two looks without a trace."""
    return extract.created_date - extract.queued_for_processing_date == LAG


@settings(max_examples=60, deadline=None)
@given(courses(), looks(150), st.booleans())
def test_who_looks_often_enough_has_no_gap(world: World, at_hours: list[int], with_fulls: bool) -> None:
    """For any changes of the tenant's rhythm, two looks within the lifetime of a differential miss nothing.

    Here fulls are listed as long as differentials: one expiring as the very first differential appears is suspect.
    """
    books = Books()
    world.keeps[BdsType.FULL] = max(world.keeps.values())
    at_first = books.sync(world, at(at_hours[0]), with_fulls=with_fulls).kept.missed
    for hour in at_hours[1:]:
        books.sync(world, at(hour), with_fulls=with_fulls)
    assert books.gaps == list(at_first)
    assert len(set(books.baselines)) <= 1


@settings(max_examples=40, deadline=None)
@given(courses(), looks(700))
def test_files_come_in_queued_order(world: World, at_hours: list[int]) -> None:
    books = Books()
    for hour in at_hours:
        due = [each.extract.age_key for each in books.sync(world, at(hour)).due]
        assert due == sorted(due)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(1, 40), st.sampled_from([6, 24]))
def test_a_steady_tenant_shows_exactly_the_outages_that_were_too_long(before: int, outage: int, every: int) -> None:
    """With four differentials a day or one, an outage is a gap when one has appeared and expired, not a day earlier."""
    books, world = Books(), a_world(hours(90 * DAY // every, every, 0.5), hours(13, WEEK))
    for day in range(before):
        books.sync(world, at(day * DAY))
    books.sync(world, at((before - 1 + outage) * DAY))
    unseen = [
        each
        for each in world.made
        if each.bds_type is BdsType.DIFFERENTIAL
        and at((before - 1) * DAY) < each.created_date
        and each.queued_for_processing_date + KEEPS[BdsType.DIFFERENTIAL] <= at((before - 1 + outage) * DAY)
    ]
    if unseen:
        assert books.gaps != []
    if outage < 14:
        assert books.gaps == []
