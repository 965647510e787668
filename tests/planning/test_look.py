"""Which moments a look counts as future: by the tenant's time, else by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.planning.look import TOLERANCE, Listed, Look
from tests.support.sync_world import World, at, diff, full

WORLD = World([], {})


@pytest.mark.parametrize("clock", [-9000, 0, 9000])
def test_the_tenant_s_time_counts_whatever_the_clock_shows(clock: float) -> None:
    listed = [full(0), diff(24), diff(48)]
    look = Look.of(at(clock), listed, at(30))
    assert [look.is_future(each) for each in listed] == [False, False, True]
    assert look.latest == diff(24).created_date
    assert look.at >= diff(24).created_date


@given(st.integers(-600, 600))
def test_clocks_may_differ_by_some_minutes(seconds: int) -> None:
    extract = full(0, lag=timedelta())
    look = Look.of(at(0), [extract], at(0) - timedelta(seconds=seconds))
    assert look.is_future(extract) == (timedelta(seconds=seconds) > TOLERANCE)


def test_without_the_tenant_s_time_a_clock_that_most_dates_are_ahead_of_is_wrong() -> None:
    listed = [full(0), diff(24), diff(48)]
    assert Look.of(at(30), listed).is_future(diff(48))
    wrong = Look.of(at(1), listed)
    assert not any(map(wrong.is_future, listed))
    assert wrong.latest == diff(48).created_date


def test_what_is_in_the_future_stands_apart() -> None:
    look = Look.of(at(60), [], at(60))
    listed = Listed.of(WORLD.data_set, [full(0), diff(24), full(900), diff(800)], look)
    assert (listed.fulls, listed.differentials, listed.future) == ((full(0),), (diff(24),), (full(900), diff(800)))
    assert listed.newest_full == full(0)
