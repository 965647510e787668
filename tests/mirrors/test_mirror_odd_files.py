"""Files with headers, names and keys that no data set of D2L has today: no value is lost or misplaced."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from bds_async import MirrorOptions, mirror
from bds_async.errors import ConfigError
from bds_async.mirrors.names import own_name
from bds_async.registry import known_data_sets
from tests.support.deliveries import Deliveries, zipped
from tests.support.mirror_places import DuckDBPlace, Place


@pytest.mark.parametrize("header", [("UserName",), ("USERID", "UserName")])
@pytest.mark.parametrize("is_late", [False, True])
def test_each_row_of_a_differential_without_a_key_column_is_a_reject(
    tmp_path: Path, place: Place, header: tuple[str, ...], is_late: bool
) -> None:
    users, roles = Deliveries(tmp_path / "data", "Users"), Deliveries(tmp_path / "data", "Role Details", 2)
    users.full(0, ("UserId", "UserName"), [(1, "a"), (2, "b")])
    users.diff(30, ("UserId", "UserName"), [(2, "B")])
    if is_late:
        place.mirror(users.root)
    users.diff(24, header, [("x",) * len(header), ("y",) * len(header)])
    roles.full(0, ("RoleId", "RoleName"), [(1, "r")])
    report = place.mirror(users.root)
    assert report.exit_code == 3
    assert {row["user_id"]: row["user_name"] for row in place.table("users")} == {1: "a", 2: "B"}
    rejects = place.query("SELECT line, value, reason FROM {s}._bds_rejects ORDER BY line")
    reason = "the file lacks a column of the key"
    assert [tuple(row.values()) for row in rejects] == [
        (line, ",".join([value] * len(header)), reason) for line, value in ((2, "x"), (3, "y"))
    ]
    assert len(place.table("role_details")) == 1
    assert place.mirror(users.root).exit_code == 0


ODD = ("Id", "C1", "C0", "C2", "rowid", "ctid", "xmin", "tableoid", "_bds_row", "_bds_live", "_bds_bad", "_bds_number")


def test_columns_with_the_names_of_private_or_system_columns_keep_their_values(tmp_path: Path, place: Place) -> None:
    custom = Deliveries(tmp_path / "data", "Custom")
    first = (1, *(f"{name} first" for name in ODD[1:]))
    custom.full(0, ODD, [first])
    custom.diff(24, ODD, [(1, *(f"{name} then" for name in ODD[1:])), (2, *ODD[1:])])
    assert place.mirror(custom.root, keys={"Custom": ["Id"]}).exit_code == 0
    rows = place.query('SELECT * FROM {s}."custom" ORDER BY id')
    assert [list(row.values())[: len(ODD)] for row in rows] == [
        ["1", *(f"{name} then" for name in ODD[1:])],
        ["2", *ODD[1:]],
    ]


@pytest.mark.parametrize(
    ("data_set", "column", "values"),
    [
        ("Grade Results", "PointsNumerator", [("1", "1.00"), ("2.50", "2.5"), ("", "")]),
        ("SCORM Activities", "PassingScore", [("0", "-0"), ("0.5", "5e-1"), ("", "")]),
    ],
)
def test_key_columns_that_may_be_empty_are_compared_by_value(
    tmp_path: Path, place: Place, data_set: str, column: str, values: list[tuple[str, str]]
) -> None:
    delivered = Deliveries(tmp_path / "data", data_set)
    delivered.full(0, (column, "OrgUnitId"), [(value, 1) for value, _ in values])
    delivered.diff(24, (column, "OrgUnitId"), [(value, 2) for _, value in values])
    assert place.mirror(delivered.root, keys={data_set: [column]}).exit_code == 0
    rows = place.query(f'SELECT org_unit_id FROM {{s}}."{data_set.lower().replace(" ", "_")}"')
    assert [str(row["org_unit_id"]) for row in rows] == ["2", "2", "2"]


def test_doubles_fit_up_to_their_limits(tmp_path: Path, place: Place) -> None:
    texts = ["1.7976931348623157e308", "-1.7976931348623157e308", "2.2e-308", "4.94e-324", "1e-400", "-0", "1e5"]
    too_large = ["1.8e308", "1e999"]
    activities = Deliveries(tmp_path / "data", "SCORM Activities")
    header = ("OrgUnitId", "PassingScore")
    activities.full(0, header, list(enumerate([*texts, *too_large])))
    place.mirror(activities.root, keys={"SCORM Activities": ["OrgUnitId"]})
    rows = sorted(place.table("scorm_activities"), key=lambda row: int(row["org_unit_id"]))
    assert [row["passing_score"] for row in rows] == [*map(float, texts), None, None]
    rejects = place.query("SELECT value FROM {s}._bds_rejects ORDER BY line")
    assert [row["value"] for row in rejects] == too_large


def test_windowed_data_sets_with_long_names_have_private_tables_of_their_own(tmp_path: Path, place: Place) -> None:
    """The names are equal in the first 63 bytes. A private table with its name of earlier versions is renamed."""
    known = next(each for each in known_data_sets() if each.name == "Content User Progress")
    assert known.window is not None
    header = [column.name for column in known.columns]
    texts = {"datetime2": "2026-01-01T00:00:00Z", "bit": "True", "uniqueidentifier": str(UUID(int=7))}
    rows = [[texts.get(column.type.value, str(number)) for column in known.columns] for number in (1, 2)]
    delivered = [Deliveries(tmp_path / "data", "W" * 76 + end, number) for number, end in enumerate("abc", start=1)]
    for progress in delivered:
        progress.full(0, header, rows)
    assert place.mirror(tmp_path / "data").exit_code == 0
    names = [row["name"] for row in place.query("SELECT name FROM {s}._bds_tables")]
    rename(place, own_name(f"_bds_gone_{names[0]}"), f"_bds_gone_{names[0]}")
    for progress in delivered:
        progress.full(168, header, rows[:1])  # the lost row goes to the private table
    assert place.mirror(tmp_path / "data").exit_code == 0
    assert [place.query(f'SELECT count(*) AS rows FROM {{s}}."{name}"')[0]["rows"] for name in names] == [1, 1, 1]


def rename(place: Place, name: str, former: str) -> None:
    """Give a private table the name that earlier versions gave it."""
    statement = f'ALTER TABLE "{place.schema}"."{name}" RENAME TO "{former}"'
    if isinstance(place, DuckDBPlace):
        with duckdb.connect(place.path) as connection:
            connection.execute(statement)
    else:
        place.query(statement)


def test_a_zip_with_two_tables_is_not_applied_in_part(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_another(data: bytes, name: str) -> bytes:
        sink = io.BytesIO(zipped(data, name))
        with zipfile.ZipFile(sink, "a") as archive:
            archive.writestr("More.csv", data)
        return sink.getvalue()

    monkeypatch.setattr("tests.support.deliveries.zipped", with_another)
    users = Deliveries(tmp_path / "data", "Users")
    users.full(0, ("UserId", "UserName"), [(1, "a")])
    report = place.mirror(users.root)
    assert report.exit_code == 3
    assert ["holds several CSVs" in problem.text for table in report.tables for problem in table.problems] == [True]


@pytest.mark.parametrize("schema", ["", "a\0b", "\udcff"])
def test_a_schema_that_no_database_can_have_is_refused(schema: str) -> None:
    with pytest.raises(ConfigError, match="`schema` can't be"):
        MirrorOptions(schema=schema)


def test_a_schema_that_this_database_cannot_have_is_refused(tmp_path: Path, place: Place) -> None:
    users = Deliveries(tmp_path / "data", "Users")
    users.full(0, ("UserId", "UserName"), [(1, "a")])
    impossible = ["temp", "PG_Catalog"] if isinstance(place, DuckDBPlace) else ["x" * 64, "é" * 32, "pg_x"]
    for schema in [*impossible, "information_schema"]:
        with pytest.raises(ConfigError, match="choose another"):
            asyncio.run(mirror(place.into, users.root, MirrorOptions(schema=schema)))


@pytest.mark.parametrize("order", [(0, 24, 48), (24, 0, 48), (48, 24, 0), (24, 48, 0)])
def test_a_differential_without_a_key_column_takes_no_key_from_the_table(
    tmp_path: Path, place: Place, order: tuple[int, ...]
) -> None:
    """In whatever order it, the full and another differential arrive."""
    users = Deliveries(tmp_path / "data", "Users")
    for hours in order:
        if hours == 24:
            users.full(hours, ("UserId", "UserName"), [(1, "a"), (2, "b")])
        else:
            users.diff(
                hours, ("UserName",) if hours == 0 else ("UserId", "UserName"), [("z",) if hours == 0 else (1, "z")]
            )
        place.mirror(users.root)
    for again in ({}, {"rebuild": True}, {}):
        place.mirror(users.root, **again)
        assert {row["user_id"]: row["user_name"] for row in place.table("users")} == {1: "z", 2: "b"}
        assert place.query("SELECT key FROM {s}._bds_tables")[0]["key"] == "user_id"
