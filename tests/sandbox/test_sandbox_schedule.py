"""Cadences: the moments of ticks and weeks, for any period and data set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.sandbox.data.schedule import EPOCH, Schedule
from bds_async.sandbox.data.tables import tables
from bds_async.sandbox.settings import SandboxSettings

TABLES = tables(139)
CADENCES = st.sampled_from([1, 2, 6, 24, 168])
MOMENTS = st.datetimes(datetime(2021, 1, 1), datetime(2040, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


def schedule_of(number=0, **settings):
    return Schedule(TABLES[number], SandboxSettings(**settings))


@given(st.integers(0, 138), CADENCES, MOMENTS)
def test_the_tick_at_a_moment_is_the_last_one_queued_by_then(number, hours, moment):
    schedule = schedule_of(number, differential_hours=hours)
    tick = schedule.tick_at(moment)
    assert schedule.differential_moment(tick) <= moment < schedule.differential_moment(tick + 1)
    assert schedule.tick_at(schedule.differential_moment(tick)) == tick


@given(st.integers(0, 138), st.sampled_from([1, 7, 30]), MOMENTS)
def test_the_week_at_a_moment_is_the_last_full_queued_by_then(number, days, moment):
    schedule = schedule_of(number, full_days=days)
    week = schedule.week_at(moment)
    assert schedule.full(week).queued <= moment < schedule.full(week + 1).queued


@given(CADENCES, MOMENTS)
def test_what_is_listed_is_at_most_two_weeks_old(hours, moment):
    schedule = schedule_of(differential_hours=hours)
    queued = [schedule.differential(tick).queued for tick in schedule.differentials(moment)]
    assert all(moment - timedelta(days=14) < each <= moment for each in queued)
    assert len(queued) in (14 * 24 // hours, 14 * 24 // hours + 1)


@given(MOMENTS)
def test_a_full_holds_the_differentials_before_it_and_none_after(moment):
    schedule = schedule_of()
    full = schedule.full(schedule.week_at(moment))
    assert schedule.differential_moment(full.tick) <= full.queued < schedule.differential_moment(full.tick + 1)


@given(st.integers(0, 138), MOMENTS)
def test_created_follows_queued_within_minutes(number, moment):
    schedule = schedule_of(number)
    for each in (schedule.differential(schedule.tick_at(moment)), schedule.full(schedule.week_at(moment))):
        assert timedelta(seconds=10) <= each.created - each.queued <= timedelta(minutes=4)


@given(st.integers(0, 138), MOMENTS, st.floats(0.01, 50))
def test_rows_grow_and_never_shrink(number, moment, scale):
    schedule = schedule_of(number, scale=scale)
    tick = schedule.tick_at(moment)
    assert 0 <= schedule.rows_at(tick) <= schedule.rows_at(tick + 1)


def test_moments_do_not_depend_on_where_the_clock_stands():
    early, late = (schedule_of(now=datetime(year, 1, 1, tzinfo=UTC)) for year in (2025, 2027))
    assert early.differential(2000) == late.differential(2000)
    assert early.full(300) == late.full(300)
    assert early.rows_at(2000) == late.rows_at(2000)


def test_data_sets_are_not_all_queued_at_the_same_second():
    queued = {schedule_of(number).differential_moment(0) for number in range(139)}
    assert len(queued) > 100
    assert all(timedelta(hours=4) <= moment - EPOCH < timedelta(hours=5) for moment in queued)


@pytest.mark.parametrize("number", [0, 5])
def test_a_full_is_made_from_the_sunday_on(number):
    assert schedule_of(number).full(100).queued.weekday() == 6
