"""The printed statements create the tables, and the keys are named with their source."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import duckdb
import pytest

from bds_async.mirrors import read_source
from bds_async.mirrors.ddl import Ddl, ddl, designs
from tests.support.commands import bds
from tests.support.deliveries import Deliveries


@pytest.fixture
def delivered(tmp_path: Path) -> Deliveries:
    found = Deliveries(tmp_path / "data", "User Enrollments")
    found.full(0, ("OrgUnitId", "UserId", "RoleName", "EnrollmentDate"), [(1, 1, "a", "")])
    found.full(1, ("OrgUnitId", "UserId", "RoleName", "EnrollmentDate", 'Odd "name"'), [(1, 1, "a", "", "x")])
    return found


def statement(delivered: Deliveries, dialect: Ddl) -> str:
    (design,) = designs(read_source(delivered.workspace, list).data_sets, {})
    return ddl(design, dialect)


def test_duckdb_takes_its_statement(delivered: Deliveries) -> None:
    with duckdb.connect() as connection:
        connection.execute(statement(delivered, Ddl.DUCKDB))
        columns = [row[:2] for row in connection.execute("DESCRIBE user_enrollments").fetchall()]
    assert columns[:2] == [("org_unit_id", "BIGINT"), ("user_id", "BIGINT")]
    assert [name for name, _ in columns[2:]] == ["role_name", "enrollment_date", "odd_name_"]


def test_postgresql_takes_its_statement(delivered: Deliveries, postgresql: str) -> None:
    async def make() -> int:
        connection = await asyncpg.connect(postgresql)
        try:
            await connection.execute("CREATE SCHEMA ddl; SET search_path = ddl")
            await connection.execute(statement(delivered, Ddl.POSTGRESQL))
            return int(await connection.fetchval("SELECT count(*) FROM user_enrollments"))
        finally:
            await connection.execute("DROP SCHEMA ddl CASCADE")
            await connection.close()

    assert asyncio.run(make()) == 0


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        (Ddl.SQLSERVER, "    [enrollment_date] datetime2(7),"),
        (Ddl.SNOWFLAKE, '    "user_id" NUMBER(19,0) NOT NULL,'),
        (Ddl.BIGQUERY, "    PRIMARY KEY (`org_unit_id`, `user_id`) NOT ENFORCED"),
    ],
)
def test_each_dialect_has_its_own_types_and_quotes(delivered: Deliveries, dialect: Ddl, line: str) -> None:
    assert line in statement(delivered, dialect).splitlines()


async def test_the_command_prints_statements_and_keys(delivered: Deliveries) -> None:
    keys = await bds("schema", "--to", delivered.root, "--keys")
    assert keys.out == "User Enrollments: org_unit_id, user_id (registry)\n"
    printed = await bds("schema", "--to", delivered.root, "--ddl", "duckdb")
    assert printed.out.startswith('CREATE TABLE "user_enrollments" (')
