"""Rows and cells: every table, any number of rows, any tick."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.registry import Column, ColumnType, KnownDataSet
from bds_async.sandbox import SandboxSettings
from bds_async.sandbox.data.history import History
from bds_async.sandbox.data.keys import number_format
from bds_async.sandbox.data.rows import CLASSES, RowFactory
from bds_async.sandbox.data.schedule import Schedule
from bds_async.sandbox.data.tables import Table, matches, tables
from bds_async.sandbox.data.values import guid, value

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
TABLES = tables(139)
KEYED = [table for table in TABLES if table.key]


def factory_of(table, seed=0):
    chosen = SandboxSettings(seed=seed)
    keys = History(table, Schedule(table, chosen), chosen).keys
    return RowFactory(table, table.columns, keys, lambda tick: MOMENT + timedelta(days=tick))


def rows_of(table, blocks):
    rows = csv.reader(io.StringIO(b"".join(blocks).decode(), newline=""))
    names = [column.name for column in table.columns]
    places = [names.index(name) for name in table.key or names]
    return {tuple(row[place] for place in places): row for row in rows}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KEYED), st.integers(0, 300), st.integers(0, 80), st.integers(100, 300))
def test_a_full_with_its_differential_is_the_next_full(table, before, added, tick):
    factory = factory_of(table)
    state = rows_of(table, factory.rows(range(before), tick - 1))
    state |= rows_of(
        table, factory.rows([*range(tick % CLASSES, before, CLASSES), *range(before, before + added)], tick)
    )
    assert state == rows_of(table, factory.rows(range(before + added), tick))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(TABLES), st.integers(0, 400))
def test_there_are_as_many_rows_as_asked_for(table, count):
    assert len(rows_of(table, factory_of(table).rows(range(count), 5))) == count


def test_cells_have_the_type_of_their_column():
    for table in TABLES:
        written = b"".join(factory_of(table).rows(range(2 * CLASSES), 3)).decode()
        rows = list(csv.reader(io.StringIO(written, newline="")))
        for place, column in enumerate(table.columns):
            cells = {row[place] for row in rows}
            if not column.nullable:
                assert "" not in cells, (table.name, column.name)
            for cell in cells - {""}:
                assert READERS[column.type](cell) is not None, (table.name, column.name)


def is_bit(cell):
    return cell if cell in ("True", "False") else None


def moment(cell):
    assert cell.endswith("Z")
    return datetime.fromisoformat(cell)


READERS: dict[str, Callable[[str], object]] = {
    "int": int,
    "bigint": int,
    "smallint": int,
    "decimal": float,
    "float": float,
    "bit": is_bit,
    "datetime2": moment,
    "uniqueidentifier": UUID,
    "nvarchar": str,
}


def test_every_type_has_a_reader():
    assert set(READERS) == set(ColumnType)


@given(st.integers())
def test_guids_are_of_version_4(seed):
    drawn = UUID(guid(Random(seed)))
    assert drawn.version == 4


def test_what_was_touched_at_a_tick_says_so():
    column = Column("LastModified", ColumnType.DATETIME2, nullable=True)
    for seed in range(50):
        cell = value(column, Random(seed), MOMENT)
        assert MOMENT - timedelta(hours=1) <= moment(cell) <= MOMENT


def test_some_cells_are_empty_where_they_may_be():
    column = Column("Name", ColumnType.NVARCHAR, nullable=True)
    empty = sum(value(column, Random(seed), MOMENT) == "" for seed in range(400))
    assert 20 < empty < 120


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (Column("UserId", ColumnType.INT, False), "%d"),
        (Column("PostId", ColumnType.UNIQUEIDENTIFIER, False), "5ab0c5ed-0000-4000-8000-%012x"),
        (Column("LoginAttemptId", ColumnType.NVARCHAR, False), "LoginAttemptId-%d"),
        (Column("State", ColumnType.NVARCHAR, False), None),
        (Column("Timestamp", ColumnType.DATETIME2, False), None),
    ],
)
def test_keys_are_numbered_where_they_can_be(column, expected):
    assert number_format(column) == expected


def test_a_table_without_a_key_has_rows_that_differ_as_a_whole():
    """Question Relationships has no key, yet no row appears twice."""
    (table,) = [table for table in TABLES if not table.key]
    rows = b"".join(factory_of(table).rows(range(5 * CLASSES), 1)).decode()
    found = [tuple(row) for row in csv.reader(io.StringIO(rows, newline=""))]
    assert len(found) == len(set(found)) == 5 * CLASSES
    for place in range(len(table.columns)):
        assert len({row[place] for row in found}) < len(found)


def test_percent_signs_survive(monkeypatch):
    monkeypatch.setattr("bds_async.sandbox.data.values.WORDS", ("100%d",))
    columns = Column.parse("Id:int"), Column.parse("Name:nvarchar"), Column.parse("Kind:nvarchar")
    table = Table(KnownDataSet("Odd", ("Id", "Kind"), columns), 10)
    for row in rows_of(table, factory_of(table).rows(range(70), 1)).values():
        assert "100%d" in row[1]
        assert "100%d" in row[2]


@pytest.mark.parametrize(
    ("name", "patterns", "found"),
    [
        ("User Enrollments", ("user*",), True),
        ("User Enrollments", ("User",), False),
        ("Users", ("User?",), True),
        ("Users", (), False),
        ("Users", ("Grades", "USERS"), True),
    ],
)
def test_names_match_patterns_in_any_case(name, patterns, found):
    assert matches(name, patterns) is found


def test_row_counts_are_skewed():
    counts = sorted(table.rows for table in TABLES)
    assert counts[0] == 0
    assert counts[len(counts) // 2] < 2_000
    assert counts[-1] > 200_000
    assert math.isfinite(sum(counts))
