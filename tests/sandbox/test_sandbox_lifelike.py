"""What a mirror must handle: deletes, windows, purges, doubled rows, close keys, new columns and keys, in any mix."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.registry import ColumnType
from bds_async.sandbox import HardDelete, LateExtract, Reissue, Sandbox, SandboxSettings, SchemaChange
from bds_async.sandbox.data.contents import rows_at
from tests.sandbox.dated_rows import (
    APPENDED,
    DAY,
    KEYED,
    MOMENT,
    a_data_set,
    differentials,
    fulls,
    keyed,
    listed,
    mirrored,
    newest_of_each,
    read,
    rows_of,
)

WINDOWED = [table for table in KEYED if table.facts.window]
NOT_WINDOWED = [table for table in KEYED if not table.facts.window]
MOMENTS = st.integers(0, 35 * 24).map(lambda hours: MOMENT - timedelta(hours=hours))
SHARES = st.sampled_from([0.01, 0.1, 0.5, 1.0])
DELETES = st.builds(HardDelete, MOMENTS, SHARES, returns_after=st.sampled_from([None, timedelta(hours=30), 9 * DAY]))
LATE = st.builds(LateExtract, MOMENTS, st.sampled_from([30 * timedelta(hours=1), 6 * DAY]))
REISSUES = st.builds(
    Reissue, MOMENTS, st.just(2 * DAY), bds_type=st.sampled_from(["Full", "Differential"]), replaces=st.booleans()
)
COURSES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 5),
        "hard_deletes": st.lists(DELETES, max_size=3).map(tuple),
        "late_extracts": st.lists(LATE, max_size=2).map(tuple),
        "reissues": st.lists(REISSUES, max_size=2).map(tuple),
        "schema_changes": st.sampled_from([(), (APPENDED,)]),
        "doubled_rows": st.sampled_from([0.0, 0.5, 1.0]),
        "close_keys": st.booleans(),
        "growth_per_day": st.sampled_from([0.0, 0.01]),
        "differential_hours": st.sampled_from([12.0, 24.0]),
    }
)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(NOT_WINDOWED), COURSES)
def test_a_full_holds_all_rows_of_its_moment_and_no_key_twice(table, course):
    data_set = a_data_set(table, **course)
    for full in fulls(data_set):
        found = rows_of(full)
        assert found == read(rows_at(data_set, full.queued))
        assert len(keyed(data_set, found)) == len(found)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(NOT_WINDOWED), COURSES)
def test_between_fulls_only_hard_deleted_rows_are_too_many(table, course):
    """Fulls and differentials applied in order yield the rows of the moment, and those deleted since the last full."""
    data_set = a_data_set(table, **course)
    extracts = [extract for extract in listed(data_set) if extract.created <= MOMENT]
    last_full = max((extract.queued for extract in extracts if extract.bds_type == "Full"), default=None)
    if last_full is None or any(late.by > DAY for late in course["late_extracts"]):
        return
    until = max(extract.queued for extract in extracts)
    state, true = mirrored(data_set, until), keyed(data_set, read(rows_at(data_set, until)))
    names = [column.name for column in table.columns]
    assert true.keys() <= state.keys()
    assert all(state[key][name] == true[key][name] for key in true for name in names)
    deleted = [event for event in course["hard_deletes"] if last_full < event.at <= until]
    assert deleted or state.keys() == true.keys()


class TestHardDeletes:
    def test_a_purge_of_half_a_data_set_shows_in_the_next_full_alone(self):
        at = MOMENT - 10 * DAY
        purged = a_data_set("User Enrollments", hard_deletes=(HardDelete(at, 0.5),), growth_per_day=0.0)
        usual = a_data_set("User Enrollments", growth_per_day=0.0)
        for before, after in zip(fulls(usual), fulls(purged), strict=True):
            lost = len(rows_of(before)) - len(rows_of(after))
            assert lost == 0 if after.queued < at else 50 < lost < 100
        for before, after in zip(differentials(usual), differentials(purged), strict=True):
            assert {*map(str, rows_of(after))} <= {*map(str, rows_of(before))}
            assert (rows_of(after) == rows_of(before)) or after.queued >= at

    def test_rows_that_return_are_in_the_next_differential(self):
        at, after = MOMENT - 10 * DAY, 4 * DAY
        data_set = a_data_set("Users", hard_deletes=(HardDelete(at, 1.0, returns_after=after),), growth_per_day=0.0)
        rows = {extract.queued: len(rows_of(extract)) for extract in differentials(data_set)}
        first = min(queued for queued in rows if queued >= at + after)
        assert rows[first] == 150
        assert all(count == 0 for queued, count in rows.items() if at <= queued < first)
        assert len(read(rows_at(data_set, at + after))) == 150
        assert read(rows_at(data_set, at)) == []

    def test_rows_inserted_after_a_delete_are_not_concerned(self):
        at = MOMENT - 20 * DAY
        data_set = a_data_set("Users", hard_deletes=(HardDelete(at, 1.0),))
        later = read(rows_at(data_set, MOMENT))
        before = read(rows_at(data_set, at - timedelta(seconds=1)))
        assert later
        assert keyed(data_set, later).keys().isdisjoint(keyed(data_set, before).keys())

    def test_it_concerns_the_data_sets_that_match(self):
        events = (HardDelete(MOMENT - DAY, 1.0, "User*"),)
        assert read(rows_at(a_data_set("Users", hard_deletes=events, growth_per_day=0.0), MOMENT)) == []
        assert read(rows_at(a_data_set("Tools", hard_deletes=events), MOMENT))


class TestWindows:
    @pytest.mark.parametrize("table", WINDOWED, ids=lambda table: table.name)
    def test_a_full_holds_the_rows_inside_the_window_alone(self, table):
        data_set = a_data_set(table, windows=True)
        full = fulls(data_set)[-1]
        start = table.facts.window.start(full.queued).isoformat()
        dated = [column.name for column in table.columns if column.type == ColumnType.DATETIME2]
        every = read(rows_at(data_set, full.queued))
        inside = [row for row in every if next((row[name] for name in dated if row[name]), "")[:10] >= start]
        assert 0 < len(rows_of(full)) < len(every)
        assert not dated or rows_of(full) == inside

    @pytest.mark.parametrize("name", ["Content User Progress", "Quiz User Answer Responses"])
    def test_a_calendar_year_leaves_the_full_on_new_years_day_though_its_rows_exist(self, name):
        now = datetime(2027, 1, 20, tzinfo=UTC)
        data_set = a_data_set(name, windows=True, full_days=1.0, growth_per_day=0.0)
        counts = {full.queued.date(): len(rows_of(full)) for full in fulls(data_set, now)}
        assert counts[date(2027, 1, 1)] < counts[date(2026, 12, 31)] - 10
        assert len(read(rows_at(data_set, now))) == 150

    def test_without_the_setting_fulls_hold_everything(self):
        data_set = a_data_set("Course Access")
        full = fulls(data_set)[-1]
        assert rows_of(full) == read(rows_at(data_set, full.queued))


class TestDoubledRows:
    @pytest.mark.parametrize("name", ["Grade Results", "User Enrollments"])
    def test_each_key_comes_twice_with_other_values(self, name):
        data_set = a_data_set(name, doubled_rows=1.0)
        rows = rows_of(differentials(data_set)[-1])
        counts = Counter(tuple(row[key] for key in data_set.table.key) for row in rows)
        assert set(counts.values()) == {2}
        assert len({tuple(row.values()) for row in rows}) == len(rows)

    def test_the_row_version_decides_and_the_newest_line_may_come_first(self):
        data_set = a_data_set("Grade Results", doubled_rows=1.0)
        extract = differentials(data_set)[-1]
        true, last_is_newest = keyed(data_set, read(rows_at(data_set, extract.queued))), set()
        for key, row in keyed(data_set, rows_of(extract)).items():
            last_is_newest.add(row == true[key])
        assert last_is_newest == {True, False}
        for key, row in newest_of_each(data_set, rows_of(extract)).items():
            assert row == true[key]

    def test_without_a_row_version_the_later_line_is_the_newest(self):
        data_set = a_data_set("User Enrollments", doubled_rows=1.0)
        extract = differentials(data_set)[-1]
        true = keyed(data_set, read(rows_at(data_set, extract.queued)))
        for key, row in keyed(data_set, rows_of(extract)).items():
            assert row == true[key]

    def test_a_share_of_the_rows_comes_twice(self):
        extracts = (differentials(a_data_set("Users", doubled_rows=share, growth_per_day=1))[-1] for share in (0, 0.5))
        single, half = (len(rows_of(extract)) for extract in extracts)
        assert 1.2 * single < half < 1.8 * single


class TestRowVersions:
    @settings(max_examples=8, deadline=None)
    @given(st.sampled_from([table for table in KEYED if table.facts.row_version]), st.integers(0, 3))
    def test_a_row_that_changes_gets_a_higher_version(self, table, seed):
        data_set = a_data_set(table, seed=seed)
        name, last = table.facts.row_version, {}
        for full in fulls(data_set):
            for key, row in keyed(data_set, rows_of(full)).items():
                before = last.get(key, row)
                assert row == before or int(row[name]) > int(before[name])
                last[key] = row


class TestTruth:
    def test_it_gives_the_rows_of_every_data_set_at_any_moment(self):
        sandbox = Sandbox(SandboxSettings(now=MOMENT, scale=0.005))
        for data_set in sandbox.catalogue():
            for full in data_set.extracts:
                if full.bds_type == "Full":
                    assert data_set.rows_at(full.queued) == full.rows()
            assert data_set.key_at(MOMENT) == data_set.data_set.table.key

    def test_it_follows_the_clock_and_is_the_same_for_the_same_seed(self):
        settings = SandboxSettings(data_sets=1, scale=0.01, now=MOMENT, hard_deletes=(HardDelete(MOMENT + DAY, 0.5),))
        one, other = Sandbox(settings), Sandbox(settings)
        (before,) = one.catalogue()
        one.advance(8 * DAY)
        (after,) = one.catalogue()
        (same,) = other.catalogue()
        assert len(after.newest_full.rows()) < 0.75 * len(before.newest_full.rows())
        assert same.rows_at(MOMENT + 8 * DAY) == after.rows_at(MOMENT + 8 * DAY)
        assert before.rows_at(MOMENT) == after.rows_at(MOMENT)

    def test_the_columns_are_those_of_the_moment(self):
        change = SchemaChange(MOMENT, "10.0", remove=("MiddleName",))
        (users,) = Sandbox(SandboxSettings(data_sets=1, scale=0.01, now=MOMENT, schema_changes=(change,))).catalogue()
        assert "MiddleName" in users.rows_at(MOMENT - DAY)[0]
        assert "MiddleName" not in users.rows_at(MOMENT)[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"doubled_rows": 1.5},
        {"doubled_rows": -0.1},
        {"growth_per_day": -1},
        {"hard_deletes": (HardDelete(MOMENT, 2.0),)},
    ],
)
def test_shares_and_growth_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="SandboxSettings"):
        SandboxSettings(**wrong)


def test_tables_can_be_joined_by_their_ids():
    """Enrollments refer to users and org units, grade results to these and to grade objects, many to one."""
    found = {data_set.name: data_set for data_set in Sandbox(SandboxSettings(now=MOMENT, scale=0.02)).catalogue()}

    def ids(name, column):
        return [row[column] for row in found[name].newest_full.rows()]

    for name in ("User Enrollments", "Grade Results"):
        assert set(ids(name, "UserId")) <= set(ids("Users", "UserId"))
        assert len(ids(name, "UserId")) > 5 * len(set(ids(name, "UserId")))
    # Row counts are rounded: the last org unit may be missing.
    assert len(set(ids("User Enrollments", "OrgUnitId")).difference(ids("Organizational Units", "OrgUnitId"))) <= 1
    assert set(ids("Grade Results", "GradeObjectId")) <= set(ids("Grade Objects", "GradeObjectId"))
