"""The mirror's own tables: applied extracts, the table of each data set, rejects, and private records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ..errors import ConfigError
from ..registry import ColumnType, KnownDataSet
from .applied import AppliedExtracts
from .databases import Engine, Row
from .names import quoted, snake_case, unique_name
from .source import SourceDataSet
from .sql.pieces import gone_name, naive
from .table import Table, TableColumn, key_name

_TABLES = {
    "_bds_applied": """
        plugin_id text NOT NULL, bds_type text NOT NULL, queued timestamp NOT NULL, created timestamp NOT NULL,
        version text NOT NULL, path text, rows bigint NOT NULL, inserted bigint NOT NULL, updated bigint NOT NULL,
        deleted bigint NOT NULL, rejected bigint NOT NULL, applied_at timestamp NOT NULL, changed bigint NOT NULL,
        _bds_id integer NOT NULL, _bds_table text NOT NULL, _bds_unique boolean NOT NULL, _bds_purges boolean NOT NULL
    """,
    "_bds_tables": """
        name text NOT NULL, data_set text NOT NULL, schema_id text, key text, key_source text NOT NULL,
        complete_through timestamp, _bds_folder text NOT NULL
    """,
    "_bds_rejects": "path text NOT NULL, line bigint NOT NULL, column_name text, value text, reason text NOT NULL",
    "_bds_columns": """
        table_name text NOT NULL, position integer NOT NULL, column_name text NOT NULL, type text NOT NULL
    """,
    "_bds_settings": "name text NOT NULL, value text NOT NULL",
    "_bds_held": "path text NOT NULL, percent double precision NOT NULL",
}


class Catalog:
    """The mirror's own tables in one schema."""

    def __init__(self, engine: Engine, schema: str) -> None:
        self.engine = engine
        self.schema = schema
        self.applied = AppliedExtracts(engine, schema)

    def name(self, table: str) -> str:
        """Return the qualified name of a table as SQL."""
        return f"{quoted(self.schema)}.{quoted(table)}"

    async def is_prepared(self) -> bool:
        """Return whether the mirror's own tables exist."""
        is_ours = f"{self._is_schema('table_schema')} AND table_name = '_bds_held'"
        query = f"SELECT count(*) FROM information_schema.tables WHERE {is_ours}"
        return bool((await self.engine.run(query, self.schema))[0][0])

    async def prepare(self) -> None:
        """Create the schema and the mirror's own tables if they are missing."""
        if await self.is_prepared():
            await self._rename_gone()
            return
        async with self.engine.transaction():
            is_there = f"SELECT count(*) FROM information_schema.schemata WHERE {self._is_schema('schema_name')}"
            if not (await self.engine.run(is_there, self.schema))[0][0]:
                await self.engine.run(f"CREATE SCHEMA {quoted(self.schema)}")
            for name, columns in _TABLES.items():
                await self.engine.run(f"CREATE TABLE {self.name(name)} ({columns})")

    async def _rename_gone(self) -> None:
        """Give private tables of data sets with long names, from earlier versions, their present names."""
        for name in (row[0] for row in (await self.tables()).values()):
            former = f"_bds_gone_{name}"
            if gone_name(name) != former:
                # PostgreSQL cuts the former name as it did when the table was created.
                await self.engine.run(f"ALTER TABLE IF EXISTS {self.name(former)} RENAME TO {quoted(gone_name(name))}")

    def _is_schema(self, column: str) -> str:
        """The test whether a column names the schema `$1`; DuckDB ignores case in names."""
        return f"lower({column}) = lower($1)" if self.engine.dialect.name == "duckdb" else f"{column} = $1"

    # Settings

    async def settings(self) -> dict[str, str]:
        """Return the settings stored in the schema."""
        return dict(await self.engine.run(f"SELECT name, value FROM {self.name('_bds_settings')}"))

    async def keys(self) -> dict[str, Sequence[str]]:
        """Return the corrected keys stored in the schema."""
        return dict(json.loads((await self.settings()).get("keys", "{}")))

    async def remember(self, name: str, value: str) -> None:
        """Replace one setting; call it in a transaction."""
        await self.engine.run(f"DELETE FROM {self.name('_bds_settings')} WHERE name = $1", name)
        await self.engine.run(f"INSERT INTO {self.name('_bds_settings')} VALUES ($1, $2)", name, value)

    async def claim(self, tenant: str) -> None:
        """Bind the schema to a tenant; raises ConfigError if it belongs to another one."""
        known = (await self.settings()).get("tenant")
        if known is not None and known != tenant:
            text = f"The mirror's schema {self.schema} holds data of {known}, not of {tenant}"
            raise ConfigError(f"{text}: choose another `schema` or `target`.")
        if known is None:
            async with self.engine.transaction():
                await self.remember("tenant", tenant)

    # Tables

    async def tables(self) -> dict[str, Row]:
        """Return the rows of `_bds_tables` by folder: name, data set, schema id, key, key source, complete through."""
        query = "SELECT _bds_folder, name, data_set, schema_id, key, key_source, complete_through"
        return {row[0]: row[1:] for row in await self.engine.run(f"{query} FROM {self.name('_bds_tables')}")}

    async def columns(self, table: str) -> tuple[TableColumn, ...]:
        """Return the delivered columns of a table, in order; empty if there is no table."""
        query = f"SELECT column_name, type FROM {self.name('_bds_columns')} WHERE table_name = $1 ORDER BY position"
        return tuple(TableColumn(name, ColumnType(kind)) for name, kind in await self.engine.run(query, table))

    async def load(self, table: Table, known: KnownDataSet | None) -> Table:
        """Return a table with its columns and key from the database; unchanged if it does not exist there yet."""
        columns = await self.columns(table.name)
        if not columns:
            return table
        row = (await self.tables())[table.folder]
        key = tuple(row[3].split(", ")) if row[3] else ()
        optional = {snake_case(column.name) for column in known.columns if column.nullable} if known else set()
        return replace(table, columns=columns, key=key, source=row[4], optional=frozenset(optional & set(key)))

    async def table_name(self, folder: str, reserved: Iterable[str] = ()) -> str:
        """Return the name of a data set's table: the existing one, else a new one that is not reserved."""
        known = await self.tables()
        taken = [*reserved, *(row[0] for row in known.values())]
        return known[folder][0] if folder in known else unique_name(folder, taken)

    async def fit(self, table: Table, known: Sequence[TableColumn]) -> None:
        """Create a table, or add its missing columns; call it in a transaction. `known` are its present columns."""
        missing = table.columns[len(known) :]
        if not known:
            await self.engine.run(_create(self.name(table.name), table, self.engine))
            if self.engine.dialect.name == "postgresql" and (indexed := _indexed(table)):
                await self.engine.run(f"CREATE INDEX ON {self.name(table.name)} ({', '.join(indexed)})")
            if table.window is not None and table.is_keyed:
                await self.engine.run(_create_gone(self.name(gone_name(table.name)), table, self.engine))
        for column in missing if known else ():
            kind = self.engine.dialect.type_of(column.type)
            await self.engine.run(f"ALTER TABLE {self.name(table.name)} ADD COLUMN {column.sql} {kind}")
        if missing:
            await self._note_columns(table, len(known))

    async def _note_columns(self, table: Table, first: int) -> None:
        places = list(range(first, len(table.columns)))
        added = table.columns[first:]
        names, kinds = [column.name for column in added], [column.type.value for column in added]
        values = "$1::text, unnest($2::integer[]), unnest($3::text[]), unnest($4::text[])"
        await self.engine.run(
            f"INSERT INTO {self.name('_bds_columns')} SELECT {values}", table.name, places, names, kinds
        )

    async def describe(self, table: Table, data_set: SourceDataSet, complete_through: datetime | None) -> None:
        """Replace the line of a table in `_bds_tables`; call it in a transaction."""
        await self.engine.run(f"DELETE FROM {self.name('_bds_tables')} WHERE _bds_folder = $1", data_set.folder)
        values = (table.name, data_set.name, data_set.schema_id, ", ".join(table.key) or None, table.source)
        insert = f"INSERT INTO {self.name('_bds_tables')} VALUES ($1, $2, $3, $4, $5, $6, $7)"
        await self.engine.run(insert, *values, naive(complete_through), data_set.folder)

    async def correct_complete(self, through: Mapping[str, datetime | None]) -> None:
        """Update `complete_through` where no extract did so, for example after a gap was accepted."""
        known = {row[0]: row[5] for row in (await self.tables()).values()}
        changed = {name: naive(moment) for name, moment in through.items() if name in known}
        changed = {name: moment for name, moment in changed.items() if moment != known[name]}
        if changed:
            update = f"UPDATE {self.name('_bds_tables')} SET complete_through = $1 WHERE name = $2"
            async with self.engine.transaction():
                for name, moment in changed.items():
                    await self.engine.run(update, moment, name)

    async def drop(self, folders: Sequence[str], settings: Mapping[str, str]) -> None:
        """Drop the tables of some data sets and all records of them, and replace settings, in one transaction."""
        known = await self.tables()
        async with self.engine.transaction():
            for name, value in settings.items():
                await self.remember(name, value)
            for folder in folders:
                if folder in known:
                    await self._forget(known[folder][0])
                    await self.engine.run(f"DELETE FROM {self.name('_bds_tables')} WHERE _bds_folder = $1", folder)

    async def empty(self, table: Table) -> None:
        """Remove all rows of a table and its lines in `_bds_applied`, in one transaction."""
        async with self.engine.transaction():
            await self._forget_applied(table.name)
            await self.engine.run(f"DELETE FROM {self.name(table.name)}")
            if table.window is not None and table.is_keyed:
                await self.engine.run(f"DELETE FROM {self.name(gone_name(table.name))}")

    async def _forget_applied(self, table: str) -> None:
        applied = self.name("_bds_applied")
        for name in ("_bds_rejects", "_bds_held"):
            paths = f"SELECT path FROM {applied} WHERE _bds_table = $1"
            await self.engine.run(f"DELETE FROM {self.name(name)} WHERE path IN ({paths})", table)
        await self.engine.run(f"DELETE FROM {applied} WHERE _bds_table = $1", table)

    async def _forget(self, table: str) -> None:
        run = self.engine.run
        await self._forget_applied(table)
        await run(f"DELETE FROM {self.name('_bds_columns')} WHERE table_name = $1", table)
        await run(f"DROP TABLE IF EXISTS {self.name(table)}")
        await run(f"DROP TABLE IF EXISTS {self.name(gone_name(table))}")


def keys_text(keys: Mapping[str, Sequence[str]]) -> str:
    """Return the corrected keys in the form of a setting."""
    return json.dumps({name: list(columns) for name, columns in sorted(keys.items())}, ensure_ascii=False)


def _create(name: str, table: Table, engine: Engine) -> str:
    columns = [f"{column.sql} {engine.dialect.type_of(column.type)}" for column in table.columns]
    columns += ["_bds_queued timestamp NOT NULL", "_bds_changed timestamp NOT NULL"]
    columns += ["_bds_deleted timestamp", "_bds_lost_by integer"] if table.keep_deleted else []
    columns += ["_bds_extract integer NOT NULL", "_bds_since integer NOT NULL"]
    columns += [f"{quoted(key_name(column))} text" for column in table.moment_keys]
    return f"CREATE TABLE {name} ({', '.join(columns)})"


def _create_gone(name: str, table: Table, engine: Engine) -> str:
    columns = [f"{column.sql} {engine.dialect.type_of(column.type)}" for column in table.key_columns]
    columns += [f"{quoted(key_name(column))} text" for column in table.moment_keys]
    return f"CREATE TABLE {name} ({', '.join(columns)}, _bds_extract integer NOT NULL)"


def _indexed(table: Table) -> list[str]:
    """Return the columns for an index on the key, without text, which may be too long for an index."""
    moments = {column.name: key_name(column) for column in table.moment_keys}
    columns = [column for column in table.key_columns if column.type is not ColumnType.NVARCHAR]
    return [quoted(moments.get(column.name, column.name)) for column in columns] if table.is_keyed else []
