"""Keys that are hard to distinguish, and columns and keys that change with a version."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.sandbox import SchemaChange
from bds_async.sandbox.data.contents import rows_at
from tests.sandbox.dated_rows import APPENDED, DAY, KEYED, MOMENT, a_data_set, fulls, keyed, listed, read, rows_of

WITH_MOMENT = [table for table in KEYED if any(c.name in table.key and c.type == "datetime2" for c in table.columns)]
WITH_TEXT = [
    table
    for table in KEYED
    if table not in WITH_MOMENT and any(c.name in table.key and c.type == "nvarchar" for c in table.columns)
]


def close_keys(table):
    data_set = a_data_set(table, close_keys=True, growth_per_day=0.0)
    return keyed(data_set, read(rows_at(data_set, MOMENT))).keys()


class TestCloseKeys:
    @pytest.mark.parametrize("table", WITH_MOMENT, ids=lambda table: table.name)
    def test_two_rows_differ_in_the_seventh_digit_alone(self, table):
        keys = close_keys(table)
        place = next(place for place, name in enumerate(table.key) if any("T" in key[place] for key in keys))
        assert all(len(key[place]) == len("2026-01-01T00:00:00.1234567Z") for key in keys)
        cut = {(*key[:place], key[place][:-2], *key[place + 1 :]) for key in keys}
        assert len(cut) == len(keys) / 2

    @pytest.mark.parametrize("table", WITH_TEXT, ids=lambda table: table.name)
    def test_two_rows_differ_in_letter_case_alone(self, table):
        keys = close_keys(table)
        assert len({tuple(part.lower() for part in key) for key in keys}) == len(keys) / 2

    def test_no_key_is_there_twice(self):
        for table in KEYED:
            rows = read(rows_at(a_data_set(table, close_keys=True), MOMENT))
            assert len(keyed(a_data_set(table), rows)) == len(rows) > 100, table.name


def test_a_key_column_that_may_be_empty_sometimes_is():
    rows = read(rows_at(a_data_set("Survey User Answers"), MOMENT))
    assert 0 < sum(not row["QuestionVersionId"] for row in rows) < len(rows) / 2
    assert len(keyed(a_data_set("Survey User Answers"), rows)) == len(rows)


class TestSchemaChanges:
    def test_an_appended_column_leaves_all_other_values(self):
        usual, changed = a_data_set("Users"), a_data_set("Users", schema_changes=(APPENDED,))
        for before, after in zip(listed(usual), listed(changed), strict=True):
            rows = rows_of(after)
            assert all(("Appended" in row) == (after.queued >= APPENDED.at) for row in rows)
            kept = [{name: row[name] for name in row if name not in ("Appended", "Latest")} for row in rows]
            assert kept == rows_of(before)

    def test_two_majors_side_by_side_hold_the_same_rows(self):
        change = SchemaChange(
            MOMENT - 10 * DAY, "10.0", remove=("MiddleName",), move_to_front=("Version",), beside=30 * DAY
        )
        data_set = a_data_set("Users", schema_changes=(change,))
        old, new = fulls(data_set)[-2:]
        assert (old.version, new.version, old.queued) == ("9.4", "10.0", new.queued)
        assert new.columns[0].name == "Version"
        for before, after in zip(rows_of(old), rows_of(new), strict=True):
            assert before.items() - after.items() == {("MiddleName", before["MiddleName"])}

    def test_a_changed_key_makes_the_documented_one_occur_twice(self):
        change = SchemaChange(MOMENT - 20 * DAY, "9.5", key=("OrgUnitId", "UserId", "RoleId"))
        data_set = a_data_set("User Enrollments", schema_changes=(change,))
        assert data_set.history.key_at(change.at - DAY) == ("OrgUnitId", "UserId")
        assert data_set.history.key_at(change.at) == change.key
        for full in fulls(data_set):
            rows = rows_of(full)
            assert len(keyed(data_set, rows, change.key)) == len(rows)
            documented = len(keyed(data_set, rows))
            assert documented == len(rows) if full.queued < change.at else documented < len(rows)

    @settings(max_examples=20, deadline=None)
    @given(st.sampled_from(KEYED), st.data())
    def test_any_key_can_be_widened_and_every_row_keeps_its_own(self, table, data):
        kinds = ("int", "bigint", "smallint", "nvarchar", "uniqueidentifier", "datetime2")
        free = [column.name for column in table.columns if column.name not in table.key and column.type in kinds]
        if not free:
            return
        key = (*table.key, data.draw(st.sampled_from(free)))
        change = SchemaChange(MOMENT - 20 * DAY, "9.5", key=key)
        data_set = a_data_set(table, schema_changes=(change,), close_keys=data.draw(st.booleans()))
        known = set()
        for full in fulls(data_set):
            keys = keyed(data_set, rows_of(full), key).keys()
            assert len(keys) == len(rows_of(full))
            assert known <= keys
            known = keys

    @pytest.mark.parametrize(
        ("key", "complaint"),
        [(("UserId", "IsActive"), "can't add IsActive"), (("UserId", "Nothing"), "key column Nothing")],
    )
    def test_a_key_of_columns_that_cannot_be_one_is_refused(self, key, complaint):
        with pytest.raises(ValueError, match=complaint):
            a_data_set("Users", schema_changes=(SchemaChange(MOMENT, "9.5", key=key),))
