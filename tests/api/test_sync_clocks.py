"""The tenant's dates and this machine's clock may differ, and a tenant may pause: neither causes a gap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bds_async.ledger import Missed
from bds_async.models import BdsType
from bds_async.planning.look import Look
from tests.support.sync_world import Books, World, at, diff, full

DAY = 24
KEEPS = {BdsType.FULL: timedelta(days=21), BdsType.DIFFERENTIAL: timedelta(days=14)}


def sync(books: Books, world: World, moment: float, clock: float) -> None:
    """A run that sees what is listed at one moment, while the clock shows another."""
    listed = world.listed(at(moment))
    books.keep_and_deliver(world.data_set, listed, Look.of(at(clock), listed), at(clock))


@pytest.mark.parametrize("every", [DAY, 2 * DAY, 7 * DAY], ids=["daily", "every other day", "weekly"])
@pytest.mark.parametrize("ahead", [-200 * DAY, -10 * DAY, 0, 200 * DAY], ids=lambda hours: f"{hours // DAY} days")
def test_what_is_listed_all_along_makes_no_gap_though_the_clock_stands_still(every: int, ahead: int) -> None:
    """The tenant's dates pass the moment that the clock shows, or begin after it."""
    world = World([full(0), *(diff(hour) for hour in range(DAY, 100 * DAY, every))], KEEPS)
    books = Books()
    for day in range(1, 90):
        sync(books, world, day * DAY, -ahead + day / 3600)
    assert books.gaps == []
    assert len(books.deliveries) == 1 + len(range(DAY, 89 * DAY, every))


@pytest.mark.parametrize("pause", [13, 14, 15, 20, 45])
@pytest.mark.parametrize("lag", [0.2, 13, 23])
def test_a_pause_of_the_whole_tenant_that_is_watched_day_by_day_is_none(pause: int, lag: float) -> None:
    """Everything has expired by then; the clock shows that syncs have looked all the time."""
    world = World([full(0), *(diff((day + 0.5) * DAY) for day in [*range(10), *range(10 + pause, 80)])], KEEPS)
    world.keeps[BdsType.FULL] = timedelta(days=300)
    books = Books()
    for day in range(1, 75):
        sync(books, world, day * DAY + lag, day * DAY + lag)
    assert books.gaps == []


@pytest.mark.parametrize("pause", [16, 20, 24])
def test_nor_is_a_pause_of_less_than_twice_what_is_retained_though_the_clock_stands_still(pause: int) -> None:
    world = World([full(0), *(diff((day + 0.5) * DAY) for day in [*range(15), *range(15 + pause, 80)])], KEEPS)
    world.keeps[BdsType.FULL] = timedelta(days=300)
    books = Books()
    for day in range(1, 75):
        sync(books, world, day * DAY, 500 * DAY)
    assert books.gaps == []


def test_a_pause_with_an_outage_of_the_job_at_its_end_may_hide_something() -> None:
    world = World([full(0), *(diff((day + 0.5) * DAY) for day in [*range(10), *range(30, 80)])], KEEPS)
    books = Books()
    for day in [*range(1, 29), 60]:
        sync(books, world, day * DAY, day * DAY)
    assert books.gaps == [Missed(at(9.5 * DAY), at(46.5 * DAY))]


def test_what_expired_unseen_is_a_gap_though_the_clock_stands_still() -> None:
    world = World([full(0), *(diff((day + 0.5) * DAY) for day in range(80))], KEEPS)
    books = Books()
    for day in (5, 6, 40):
        sync(books, world, day * DAY, 500 * DAY)
    assert books.gaps == [Missed(at(5.5 * DAY), at(26.5 * DAY))]
