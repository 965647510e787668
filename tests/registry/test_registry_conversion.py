"""Which text fits a type, and its value: the same in DuckDB and in PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bds_async.registry import ColumnType
from bds_async.registry.conversion import DUCKDB, POSTGRESQL
from tests.support.mirror_places import memory

GUID = "e9f0ea4a-3169-4dbb-9e6b-e979fc1620a9"
NINES = datetime(9999, 12, 31, 23, 59, 59, 999999)

CASES: list[tuple[ColumnType, str, Any]] = [
    (ColumnType.BIGINT, "1", 1),
    (ColumnType.INT, "-007", -7),
    (ColumnType.SMALLINT, "-0", 0),
    (ColumnType.BIGINT, "9223372036854775807", 2**63 - 1),
    (ColumnType.BIGINT, "-9223372036854775808", -(2**63)),
    (ColumnType.BIGINT, "9223372036854775808", None),
    (ColumnType.BIGINT, "0000000000000000000000000000012", 12),
    (ColumnType.BIGINT, "9" * 3000, None),
    *[(ColumnType.BIGINT, text, None) for text in ("+5", " 5", "5 ", "1.0", "1e3", "0x1F", "1_000", "-", "--1", "٣")],
    (ColumnType.DECIMAL, "0.500000000", Decimal("0.5")),
    (ColumnType.DECIMAL, "-.5", Decimal("-0.5")),
    (ColumnType.DECIMAL, "5.", Decimal(5)),
    (ColumnType.DECIMAL, "1.123456789012", Decimal("1.123456789012")),
    (ColumnType.DECIMAL, "1.10000000000000000", Decimal("1.1")),
    (ColumnType.DECIMAL, "9" * 26, Decimal("9" * 26)),
    *[(ColumnType.DECIMAL, text, None) for text in (".", "-", "1,5", "1e3", "NaN", "Infinity", "1 ", "+1", "1.2.3")],
    (ColumnType.FLOAT, "1E-05", 1e-05),
    (ColumnType.FLOAT, "-.5", -0.5),
    *[(ColumnType.FLOAT, text, None) for text in ("1e999", "nan", "inf", "1e", "e5")],
    *[(ColumnType.BIT, text, True) for text in ("True", "TRUE", "1")],
    *[(ColumnType.BIT, text, False) for text in ("false", "0")],
    *[(ColumnType.BIT, text, None) for text in ("2", "yes", "t", "")],
    (ColumnType.DATETIME2, "2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
    (ColumnType.DATETIME2, "2026-01-02 03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100000)),
    (ColumnType.DATETIME2, "2026-01-31T03:04:05.1234569Z", datetime(2026, 1, 31, 3, 4, 5, 123456)),
    (ColumnType.DATETIME2, "2026-01-02T03:04:05.123456789", datetime(2026, 1, 2, 3, 4, 5, 123456)),
    (ColumnType.DATETIME2, "2026-01-02T03:04:05.9999999+00:00", datetime(2026, 1, 2, 3, 4, 5, 999999)),
    (ColumnType.DATETIME2, "0001-01-01 00:00:00", datetime(1, 1, 1)),
    (ColumnType.DATETIME2, "9999-12-31T23:59:59.999999999Z", NINES),
    (ColumnType.DATETIME2, "2000-02-29T00:00:00", datetime(2000, 2, 29)),
    *[
        (ColumnType.DATETIME2, text, None)
        for text in (
            "2026-01-02",
            "2026-01-02T03:04",
            "2026-02-29T00:00:00",
            "1900-02-29T00:00:00",
            "2026-04-31T00:00:00",
            "2026-13-01T00:00:00",
            "0000-01-01T00:00:00",
            "2026-01-02T24:00:00",
            "2026-01-02T23:59:60",
            "2026-01-02T03:04:05.1234567890",
            "2026-01-02T03:04:05.1234567890Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+01:00",
            "2026-01-02t03:04:05",
            "now",
            "infinity",
            " 2026-01-02T03:04:05",
            "2026-01-02T03:04:05\n",
        )
    ],
    (ColumnType.UNIQUEIDENTIFIER, GUID.upper(), UUID(GUID)),
    *[(ColumnType.UNIQUEIDENTIFIER, text, None) for text in (f"{{{GUID}}}", GUID.replace("-", ""), GUID[:-1])],
    (ColumnType.NVARCHAR, " NULL\n", " NULL\n"),
]


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_duckdb_converts(kind: ColumnType, text: str, value: Any) -> None:
    with memory().cursor() as connection:
        (found,) = connection.execute(
            f"SELECT {DUCKDB.cast(kind, 'x')} FROM (SELECT ?::VARCHAR AS x)", [text]
        ).fetchall()
    assert found == (value,)


def test_duckdb_never_rounds_a_decimal() -> None:
    with memory().cursor() as connection:
        query = f"SELECT {DUCKDB.cast(ColumnType.DECIMAL, 'x')} FROM (SELECT ?::VARCHAR AS x)"
        assert connection.execute(query, ["1.1234567890123"]).fetchall() == [(None,)]


def test_postgresql_converts_what_duckdb_does(postgresql: str) -> None:
    """In all cases; `numeric` keeps every digit."""

    async def check() -> None:
        connection = await asyncpg.connect(postgresql)
        try:
            for kind, text, value in CASES:
                query = f"SELECT {POSTGRESQL.cast(kind, 'x')} FROM (SELECT $1::text AS x) AS texts"
                assert await connection.fetchval(query, text) == value, (kind, text)
            exact = f"SELECT {POSTGRESQL.cast(ColumnType.DECIMAL, 'x')} FROM (SELECT $1::text AS x) AS texts"
            assert await connection.fetchval(exact, "1.1234567890123") == Decimal("1.1234567890123")
        finally:
            await connection.close()

    asyncio.run(check())


def some_text(random: Random) -> str:
    """A moment or a number, usually an odd one, or any text of their characters."""
    match random.randrange(3):
        case 0:
            fraction = f".{random.randrange(10**9)}"[: random.randrange(12)]
            date = f"{random.randrange(3000):04}-{random.randrange(14):02}-{random.randrange(33):02}"
            time = f"{random.randrange(26):02}:{random.randrange(62):02}:{random.randrange(62):02}"
            return date + random.choice("T ") + time + fraction + random.choice(["", "Z", "+00:00"])
        case 1:
            whole = str(random.randrange(10 ** random.randrange(1, 21)))
            return random.choice(["", "-", "+"]) + whole + random.choice(["", ".", f".{random.randrange(10**6)}000000"])
        case _:
            return "".join(random.choices("0123456789-T:.Z e+", k=random.randrange(1, 25)))


def test_both_databases_agree_on_any_text(postgresql: str) -> None:
    """They agree on what fits and on its value, and neither ever fails."""
    random = Random(5)
    texts = [some_text(random) for _ in range(20_000)]
    kinds = [kind for kind in ColumnType if kind is not ColumnType.FLOAT]

    async def ask() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(postgresql)
        try:
            casts = ", ".join(POSTGRESQL.cast(kind, "x") for kind in kinds)
            key = POSTGRESQL.moment_key("x")
            query = f"SELECT {casts}, {key} FROM unnest($1::text[]) WITH ORDINALITY AS t(x, n) ORDER BY n"
            return [tuple(row) for row in await connection.fetch(query, texts)]
        finally:
            await connection.close()

    casts = ", ".join(DUCKDB.cast(kind, "x") for kind in kinds)
    with memory().cursor() as connection:
        query = f"SELECT {casts}, {DUCKDB.moment_key('x')} FROM (SELECT unnest(?::VARCHAR[]) AS x)"
        found = connection.execute(query, [texts]).fetchall()
    assert found == asyncio.run(ask())
