"""Pieces of SQL that both databases understand in the same way: moments, and the keys of a table."""

from __future__ import annotations

from datetime import UTC, datetime

from ...registry import ColumnType
from ..names import OWN, own_name, quoted
from ..table import Table, key_name

_NUMBERS = (ColumnType.BIGINT, ColumnType.INT, ColumnType.SMALLINT, ColumnType.DECIMAL, ColumnType.FLOAT)
#: For types that are not stored as text in a key, some value as SQL.
_SOME = {
    **dict.fromkeys(_NUMBERS, "0"),
    ColumnType.BIT: "FALSE",
    ColumnType.UNIQUEIDENTIFIER: "CAST('00000000-0000-0000-0000-000000000000' AS uuid)",
}


def naive(moment: datetime | None) -> datetime | None:
    """Return a moment as stored in the databases: UTC, without a zone."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def literal(moment: datetime) -> str:
    """Return a moment as an SQL literal."""
    value = naive(moment)
    assert value is not None
    return f"TIMESTAMP '{value.isoformat(sep=' ')}'"


def key_sql(table: Table) -> list[str]:
    """Return the SQL columns that distinguish the rows of a table; moments are compared by all their digits."""
    moments = {column.name: key_name(column) for column in table.moment_keys}
    return [quoted(moments.get(column.name, column.name)) for column in table.key_columns]


def stored_keys(table: Table) -> list[str]:
    """Return the columns of the key and the private ones for its moments, as SQL."""
    return [column.sql for column in table.key_columns] + [quoted(key_name(each)) for each in table.moment_keys]


def match(table: Table, left: str, right: str) -> str:
    """Return the condition that two rows have the same key; in optional columns, NULL equals NULL."""
    tests = []
    for column, name in zip(table.key_columns, key_sql(table), strict=True):
        one, other = f"{left}.{name}", f"{right}.{name}"
        if column.name in table.optional:
            # PostgreSQL cannot hash or merge join by IS NOT DISTINCT FROM.
            some = _SOME.get(column.type, "''")
            tests.append(f"coalesce({one}, {some}) = coalesce({other}, {some})")
            tests.append(f"({one} IS NULL) = ({other} IS NULL)")
        else:
            tests.append(f"{one} = {other}")
    return " AND ".join(tests)


def gone_name(table: str) -> str:
    """Return the name of the private table of keys that the windowed data set of a table has lost."""
    return own_name(f"{OWN}gone_{table}")
