"""Pieces of SQL that both databases understand in the same way: moments, and the keys of a table."""

from __future__ import annotations

from datetime import UTC, datetime

from ..names import quoted
from ..table import Table, key_name


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
            # PostgreSQL cannot hash or merge join by IS NOT DISTINCT FROM. No delivered value is an empty text.
            tests.append(f"coalesce(CAST({one} AS text), '') = coalesce(CAST({other} AS text), '')")
        else:
            tests.append(f"{one} = {other}")
    return " AND ".join(tests)


def gone_name(table: Table) -> str:
    """Return the name of the private table of keys that a windowed data set has lost."""
    return f"_bds_gone_{table.name}"
