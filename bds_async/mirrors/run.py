"""A mirror's whole run: open the target, and update the table of each chosen data set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from ..errors import ConfigError
from ..events import Mirroring, Observer
from ..options import MirrorOptions
from ..workspace import Workspace
from .apply import Subject, TableWriter
from .catalog import Catalog, keys_text
from .databases import (
    DuckDBEngine,
    Engine,
    PostgreSQLEngine,
    Row,
    Target,
    demand_asyncpg,
    demand_database,
    demand_duckdb,
)
from .following import Follower
from .keys import check_keys, key_of, known_data_set
from .names import NAME_BYTES, snake_case
from .rebuild import drop_for_rebuild
from .result import MirrorReport
from .source import Source, source_of
from .table import Table

#: Schemas that every DuckDB database has and no mirror can use.
_SCHEMAS_OF_DUCKDB = frozenset({"information_schema", "pg_catalog", "system", "temp"})


async def mirror_workspace(
    target: Target, workspace: Workspace, options: MirrorOptions, observer: Observer
) -> MirrorReport:
    """Apply the delivered extracts of a destination that are not yet in the mirror at `target`.

    A cancellation rolls back the current extract. Raises ConfigError, PatternError, TargetError, TargetBusy,
    DestinationError, LedgerBusy.
    """
    source = await source_of(workspace, options)
    return await mirror_source(target, workspace, source, options, observer)


async def mirror_source(
    target: Target, workspace: Workspace, source: Source, options: MirrorOptions, observer: Observer
) -> MirrorReport:
    """Apply the pending extracts of a source that is not empty; raises as `mirror_workspace` does."""
    check_keys(options.keys or {}, source)
    try:
        async with opened(target, workspace, options.schema) as engine:
            return await _Mirror(engine, source, target, options, observer).run()
    except asyncio.CancelledError:
        source.patience.cut()
        raise


def demand_target(target: Target, schema: str) -> None:
    """Raise ConfigError if the package for a target's database is not installed, or it cannot have the schema.

    Raises TargetError for a file that is not a database. A database server is not contacted.
    """
    if target.path is None:
        demand_asyncpg()
        if len(schema.encode()) > NAME_BYTES or schema.startswith("pg_") or schema == "information_schema":
            raise ConfigError(f"PostgreSQL allows no schema {schema!r} (`schema`): choose another name.")
        return
    demand_duckdb()
    if schema.lower() in _SCHEMAS_OF_DUCKDB:
        raise ConfigError(f"DuckDB has a schema {schema!r} of its own: choose another `schema`.")
    # DuckDB names a database after its file, and refuses `bds.users` as ambiguous if both are called bds.
    if target.path.stem.lower() == schema.lower():
        raise ConfigError(f"The database {target} and its schema have one name: choose another name for one of them.")
    demand_database(target.path)


@asynccontextmanager
async def opened(target: Target, workspace: Workspace, schema: str) -> AsyncIterator[Engine]:
    """Open the database of a target; DuckDB's temporary files go to the state folder.

    Raises ConfigError, TargetBusy, TargetError.
    """
    await asyncio.to_thread(demand_target, target, schema)
    engine: Engine
    if target.path is not None:
        engine = await DuckDBEngine.open(target.path, workspace.state / "mirror")
    else:
        engine = await PostgreSQLEngine.open(target, schema)
    try:
        yield engine
    finally:
        await engine.close()


class _Mirror:
    def __init__(
        self, engine: Engine, source: Source, target: Target, options: MirrorOptions, observer: Observer
    ) -> None:
        self._engine = engine
        self._catalog = Catalog(engine, options.schema)
        self._source = source
        self._target = target
        self._options = options
        self._observer = observer

    async def run(self) -> MirrorReport:
        """Run the mirror and return its report."""
        assert self._source.tenant is not None
        await self._catalog.prepare()
        await self._catalog.claim(self._source.tenant)
        report = MirrorReport(str(self._target), self._options.schema)
        keep_deleted, keys = await self._settings()
        settings = {"keep_deleted": "yes" if keep_deleted else "no", "keys": keys_text(keys)}
        if self._options.rebuild:
            problems = await drop_for_rebuild(self._catalog, self._source, settings)
            if problems:
                return replace(report, tables=problems)
        await self._remember(settings)
        followers = await self._followers(keys, keep_deleted=keep_deleted)
        pending = [extract for follower in followers for extract in follower.pending]
        self._observer(Mirroring(report.target, len(pending), sum(extract.bytes or 0 for extract in pending)))
        tables = [await follower.follow() for follower in followers]
        await self._catalog.correct_complete({table.table: table.complete_through for table in tables})
        return replace(report, tables=tuple(tables))

    async def _followers(self, keys: Mapping[str, Sequence[str]], *, keep_deleted: bool) -> list[Follower]:
        found: dict[str, Follower] = {}
        for subject in self._subjects(keys):
            name = await self._catalog.table_name(subject.data_set.folder, found)
            found[name] = await self._follower(name, subject, keep_deleted=keep_deleted)
        return list(found.values())

    def _subjects(self, keys: Mapping[str, Sequence[str]]) -> list[Subject]:
        found = []
        for data_set in self._source.data_sets:
            known = known_data_set(data_set)
            found.append(Subject(data_set, known, key_of(data_set, known, keys)))
        return found

    async def _follower(self, name: str, subject: Subject, *, keep_deleted: bool) -> Follower:
        table = await self._known_table(name, subject, keep_deleted=keep_deleted)
        applied = await self._catalog.applied.of(name)
        writer = TableWriter(self._catalog, self._source.destination, subject, table, applied)
        return Follower(writer, self._options.delete_limit, self._observer)

    async def _known_table(self, name: str, subject: Subject, *, keep_deleted: bool) -> Table:
        known = subject.known
        window = known.window if known is not None else None
        version = snake_case(known.row_version) if known is not None and known.row_version else None
        table = Table(name, subject.data_set.folder, window=window, keep_deleted=keep_deleted, row_version=version)
        return await self._catalog.load(table, known)

    # Settings stored in the schema

    async def _settings(self) -> tuple[bool, Mapping[str, Sequence[str]]]:
        """The settings for deleted rows and keys: as given, else as stored. Raises ConfigError for a late change."""
        known_keys = await self._catalog.keys()
        keys = known_keys if self._options.keys is None else dict(self._options.keys)
        keeps_already = (await self._catalog.settings()).get("keep_deleted") == "yes"
        tables = await self._tables_left()
        if tables and self._options.keep_deleted and not keeps_already:
            raise ConfigError(self._why_not_kept([row[1] for row in tables.values()]))
        for data_set in self._source.data_sets if keys != known_keys else ():
            known = known_data_set(data_set)
            if data_set.folder in tables and key_of(data_set, known, keys) != key_of(data_set, known, known_keys):
                raise ConfigError(f"`keys` changes the key of {data_set.name}, whose table exists: add `rebuild`.")
        return self._options.keep_deleted or keeps_already, keys

    async def _tables_left(self) -> dict[str, Row]:
        """The rows of `_bds_tables` of the tables that this run does not drop, by folder."""
        dropped = {each.folder for each in self._source.data_sets} if self._options.rebuild else set()
        return {folder: row for folder, row in (await self._catalog.tables()).items() if folder not in dropped}

    def _why_not_kept(self, names: Sequence[str]) -> str:
        """Say why the tables of these data sets, which stay as they are, do not allow `keep_deleted`."""
        if not self._options.rebuild:
            return "The tables were made without `keep_deleted`: add `rebuild`, which makes all of them again."
        more = f" and {len(names) - 3} more" if names[3:] else ""
        left = f"`keep_deleted` is for all tables, but this rebuild leaves out {', '.join(names[:3])}{more}"
        if self._options.data_set or self._options.exclude:
            return f"{left}: rebuild all data sets."
        return f"{left}, of which nothing is delivered: run `bds-async sync` first, or choose another `schema`."

    async def _remember(self, settings: Mapping[str, str]) -> None:
        if not settings.items() <= (await self._catalog.settings()).items():
            async with self._engine.transaction():
                for name, value in settings.items():
                    await self._catalog.remember(name, value)
