"""The registry's facts are whole and agree with what D2L documents."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

import bds_async.registry
from bds_async.registry import Column, ColumnType, KnownDataSet, Window, known_data_sets

PACKAGE = Path(bds_async.registry.__file__).parent


def known(name: str) -> KnownDataSet:
    return next(data_set for data_set in known_data_sets() if data_set.name == name)


class TestKnownDataSets:
    def test_all_139_documented_data_sets_are_there_once(self):
        names = [data_set.name for data_set in known_data_sets()]
        assert len(names) == len(set(names)) == 139

    def test_they_are_read_once(self):
        assert known_data_sets() is known_data_sets()

    def test_a_data_set_says_its_columns_key_and_ids(self):
        enrollments = known("User Enrollments")
        assert enrollments.key == ("OrgUnitId", "UserId")
        assert enrollments.columns[0] == Column("OrgUnitId", ColumnType.INT, nullable=False)
        assert enrollments.columns[2] == Column("RoleName", ColumnType.NVARCHAR, nullable=True)
        assert enrollments.full_plugin_id == "533f84c8-b2ad-4688-94dc-c839952e9c4f"
        assert enrollments.differential_plugin_id == "a78735f2-7210-4a57-aac1-e0f6bd714349"
        assert enrollments.schema_id == "5ced736e-4c4c-4b01-96c8-1c7d404ac5c2"

    def test_columns_named_by_other_facts_exist(self):
        for data_set in known_data_sets():
            columns = {column.name for column in data_set.columns}
            assert len(columns) == len(data_set.columns)
            assert columns.issuperset(data_set.key)
            assert columns.issuperset(filter(None, [data_set.row_version, data_set.soft_delete]))

    def test_one_data_set_has_no_key_and_one_a_key_column_that_may_be_empty(self):
        assert [data_set.name for data_set in known_data_sets() if not data_set.key] == ["Question Relationships"]
        open_keys = [
            (data_set.name, column.name)
            for data_set in known_data_sets()
            for column in data_set.columns
            if column.name in data_set.key and column.nullable
        ]
        assert open_keys == [("Survey User Answers", "QuestionVersionId")]

    def test_46_data_sets_have_a_whole_number_as_row_version(self):
        versioned = [data_set for data_set in known_data_sets() if data_set.row_version]
        assert len(versioned) == 46
        for data_set in versioned:
            types = {column.name: column.type for column in data_set.columns}
            assert types[str(data_set.row_version)] in (ColumnType.INT, ColumnType.BIGINT)

    def test_42_data_sets_flag_deletion_and_16_date_it(self):
        types = [
            next(column.type for column in data_set.columns if column.name == data_set.soft_delete)
            for data_set in known_data_sets()
            if data_set.soft_delete
        ]
        assert types.count(ColumnType.BIT) == 42
        assert types.count(ColumnType.DATETIME2) == 16
        assert len(types) == 58

    def test_ids_are_lower_case_and_belong_to_one_data_set(self):
        ids = [identifier for data_set in known_data_sets() for identifier in data_set.ids]
        assert len(ids) == len(set(ids)) == 45
        assert all(identifier == identifier.lower() for identifier in ids)


class TestWindow:
    def test_ten_data_sets_are_windowed(self):
        windows = {data_set.name: data_set.window for data_set in known_data_sets() if data_set.window}
        assert [name for name, window in windows.items() if window == Window()] == [
            "Content User Completion",
            "Content User Progress",
            "Quiz User Answer Responses",
        ]
        assert sum(window == Window(date(2021, 1, 1)) for window in windows.values()) == 7

    @pytest.mark.parametrize(
        ("moment", "first"),
        [
            (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), date(2024, 1, 1)),
            (datetime(2027, 1, 1, tzinfo=UTC), date(2025, 1, 1)),
            (datetime(2027, 1, 1), date(2025, 1, 1)),
            (datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), date(2024, 1, 1)),
            (datetime(1, 1, 1), date(1, 1, 1)),
        ],
    )
    def test_calendar_years_start_two_years_before_the_utc_year(self, moment, first):
        assert Window().start(moment) == first

    def test_a_fixed_window_never_moves(self):
        window = Window(date(2021, 1, 1))
        assert window.start(datetime(2022, 5, 1)) == window.start(datetime(2099, 5, 1)) == date(2021, 1, 1)


class TestIsolation:
    def test_it_imports_nothing_of_the_client(self):
        for path in PACKAGE.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    assert node.level < 2
                    assert not (node.module or "").startswith("bds_async")

    def test_importing_it_reads_no_data(self):
        code = "import bds_async.registry as r, bds_async.registry.reading as m; print(m.known_data_sets.cache_info())"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "currsize=0" in run.stdout
