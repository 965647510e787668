"""The history of one data set: versions, columns, late and reissued extracts, in any combination."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.registry import Column, ColumnType
from bds_async.sandbox import LateExtract, Reissue, SandboxSettings, SchemaChange
from bds_async.sandbox.data.history import DIFFERENTIAL, FULL, History, changed
from bds_async.sandbox.data.schedule import Schedule
from bds_async.sandbox.data.tables import tables

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
USERS = tables(1)[0]
DELAYS = st.timedeltas(timedelta(seconds=10), timedelta(days=20))


def history_of(**settings):
    chosen = SandboxSettings(**settings)
    schedule = Schedule(USERS, chosen)
    return schedule, History(USERS, schedule, chosen)


def differential_at(moment, **settings):
    schedule, history = history_of(**settings)
    return schedule, history.generations(DIFFERENTIAL, schedule.differential(schedule.tick_at(moment)))


def test_without_events_each_extract_is_made_once():
    _, (made,) = differential_at(MOMENT)
    assert (made.version, made.columns, made.replaced) == ("9.4", USERS.columns, None)
    assert made.created == made.moment.created


@given(DELAYS)
def test_a_late_extract_keeps_its_queued_date(by):
    _, (due,) = differential_at(MOMENT)
    _, (made,) = differential_at(MOMENT, late_extracts=(LateExtract(MOMENT, by),))
    assert made.moment.queued == due.moment.queued
    assert made.created == due.created + by


@given(DELAYS, st.booleans())
def test_a_reissue_follows_the_first(after, replaces):
    _, (first, again) = differential_at(MOMENT, reissues=(Reissue(MOMENT, after, replaces=replaces),))
    assert again.created == first.created + after
    assert again.moment.queued == first.moment.queued
    assert first.replaced == (again.created if replaces else None)


def test_events_concern_one_moment_one_type_and_the_data_sets_that_match():
    events = (
        LateExtract(MOMENT - DAY, DAY),
        LateExtract(MOMENT, DAY, bds_type=FULL),
        LateExtract(MOMENT, DAY, data_set="Grade*"),
    )
    _, (made,) = differential_at(MOMENT, late_extracts=events)
    assert made.created == made.moment.created
    _, (late,) = differential_at(MOMENT - DAY, late_extracts=events)
    assert late.created - late.moment.queued > DAY


def test_a_reissue_can_itself_be_made_anew():
    events = (Reissue(MOMENT, DAY), Reissue(MOMENT, 3 * DAY))
    _, made = differential_at(MOMENT, reissues=events)
    created = sorted(each.created for each in made)
    assert len(set(created)) == len(made)
    assert sum(each.replaced is None for each in made) >= 1


def test_a_late_extract_that_is_made_anew():
    settings = {"late_extracts": (LateExtract(MOMENT, DAY),), "reissues": (Reissue(MOMENT, DAY),)}
    _, (first, again) = differential_at(MOMENT, **settings)
    assert first.created - first.moment.queued > DAY
    assert again.created == first.created + DAY


def test_versions_follow_each_other_by_queued_date():
    changes = (
        SchemaChange(MOMENT, "10.0", remove=("MiddleName",)),
        SchemaChange(MOMENT - 5 * DAY, "9.5", append=("Pronouns:nvarchar?",)),
    )
    versions = []
    for days in (8, 3, -2):
        _, (made,) = differential_at(MOMENT - days * DAY, schema_changes=changes)
        versions.append((made.version, len(made.columns) - len(USERS.columns)))
    assert versions == [("9.4", 0), ("9.5", 1), ("10.0", 0)]


@pytest.mark.parametrize(("days", "versions"), [(-1, ["9.4"]), (1, ["9.4", "10.0"]), (3, ["10.0"])])
def test_versions_side_by_side_end(days, versions):
    change = SchemaChange(MOMENT, "10.0", move_to_front=("UserName",), beside=2 * DAY)
    _, made = differential_at(MOMENT + days * DAY, schema_changes=(change,))
    assert [each.version for each in made] == versions
    assert len({each.created for each in made}) == len(made)


@pytest.mark.parametrize("lost", [{"remove": ("UserId",)}, {"rename": (("UserId", "Id"),)}])
def test_the_key_stays(lost):
    with pytest.raises(ValueError, match="Users loses the key column UserId"):
        history_of(schema_changes=(SchemaChange(MOMENT, "10.0", **lost),))


NAMES = st.lists(st.sampled_from("ABCDEFGH"), unique=True, max_size=8)


@given(NAMES, NAMES, NAMES, st.lists(st.sampled_from("XYZ"), unique=True))
def test_a_change_loses_and_doubles_nothing_that_it_does_not_name(names, removed, front, appended):
    columns = [Column(name, ColumnType.INT, nullable=True) for name in names]
    change = SchemaChange(
        MOMENT, "10.0", remove=tuple(removed), move_to_front=tuple(front), append=tuple(f"{n}:int" for n in appended)
    )
    found = [column.name for column in changed(columns, change)]
    kept = [name for name in names if name not in removed]
    assert sorted(found) == sorted([*kept, *appended])
    assert found[: len([n for n in front if n in kept])] == [name for name in front if name in kept]
    assert found[len(kept) :] == appended
