"""Application of one extract to its table, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ..destination import Destination
from ..registry import KnownDataSet
from .applied import Applied, Counts
from .catalog import Catalog
from .keys import Key, key_columns
from .late import Files, move_changes
from .loading import REJECTS, Loaded, Loading
from .names import SYSTEM_COLUMNS
from .passing import full_before
from .published import INSPECT, FileChanged
from .source import SourceDataSet, SourceExtract, order_of
from .sql.doubt import list_doubt
from .sql.merge import DOUBT, LOST, MERGE, Merge, Purge
from .sql.pieces import gone_name
from .sql.staging import Stage
from .table import Layout, Table

#: A full with this many rows or more may have been cut by D2L (its cap), so it deletes nothing.
CAPPED_ROWS = 150_000_000
#: If a table has fewer live rows than this, the guard lets all of them be deleted.
GUARDED_ROWS = 100
_STAGE = "_bds_stage"


class Held(Exception):
    """A full would delete more of the table's live rows than allowed; `percent` of them."""

    def __init__(self, percent: float) -> None:
        super().__init__(f"would delete {percent:.1f} percent")
        self.percent = percent


class NeedsRestart(Exception):
    """A late full without unique keys precedes applied fulls, so the data set has to begin again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One data set to mirror: its deliveries, its entry in the registry, and the key to use."""

    data_set: SourceDataSet
    known: KnownDataSet | None
    key: Key


class TableWriter:
    """Writes the table of one data set. `applied` are the extracts in it, in the order of application."""

    def __init__(
        self, catalog: Catalog, destination: Destination, subject: Subject, table: Table, applied: list[Applied]
    ) -> None:
        self._engine = catalog.engine
        self.catalog = catalog
        self.destination = destination
        self.subject = subject
        self.table = table
        self.applied = applied

    def full_before(self, extract: SourceExtract) -> Applied | None:
        """Return the last applied full that comes before an extract."""
        return full_before(self.applied, extract)

    def later(self, extract: SourceExtract) -> list[Applied]:
        """Return the applied extracts that come after one."""
        return [each for each in self.applied if order_of(each.identity) > extract.order]

    async def apply(
        self, extract: SourceExtract, limit: float, complete_through: Callable[[Applied], datetime | None]
    ) -> tuple[Applied, Counts]:
        """Apply one extract and insert its line in `_bds_applied`.

        A full may delete `limit` percent of the live rows. `complete_through` returns the moment for `_bds_tables`.
        Raises FileChanged, Held, NeedsRestart, TargetError.
        """
        assert extract.path is not None
        loaded = await self._load(extract)
        is_unique = await self._make_unique(extract, loaded.stage)
        purges = extract.is_full and is_unique and loaded.rows < CAPPED_ROWS
        applied = Applied(extract.identity, await self.catalog.applied.next_number(), is_unique, purges)
        table = loaded.stage.table
        async with self._engine.transaction():
            await self.catalog.fit(table, self.table.columns)
            await self._engine.run(self._add_rejects(), extract.path)
            counts = await self._merge(extract, loaded, applied, limit)
            await self.catalog.applied.hold(extract.path, None)
            await self.catalog.applied.note(table.name, applied, extract.path, counts)
            await self.catalog.describe(table, self.subject.data_set, complete_through(applied))
        self.table = table
        self.applied = sorted([*self.applied, applied], key=lambda each: order_of(each.identity))
        return applied, counts

    def _add_rejects(self) -> str:
        columns = "line, column_name, value, reason"
        target = self.catalog.name("_bds_rejects")
        return f"INSERT INTO {target} (path, {columns}) SELECT $1::text, {columns} FROM {REJECTS}"

    # Staging

    async def _load(self, extract: SourceExtract) -> Loaded:
        async with Loading(self._engine, self.destination, extract) as loading:
            stage = self.stage(_STAGE, loading.records.header)
            if not (extract.is_full or stage.table.key or not self.subject.key.columns):
                # A table that began with it would have no key.
                raise FileChanged("lacks a column of the key, and is the first of its data set", INSPECT)
            return await loading.into(stage)

    def stage(self, name: str, header: tuple[str, ...]) -> Stage:
        """Return the stage for an extract with this header."""
        reserved = SYSTEM_COLUMNS[self._engine.dialect.name]
        layout = Layout.of(header, self.subject.known, reserved).typed_as(self.table)
        table = self.table if self.table.columns else self._with_key(layout)
        numbered = self._engine.dialect.name == "postgresql"
        return Stage(name, self._engine.dialect, table.with_columns(layout.columns), layout, numbered)

    def _with_key(self, layout: Layout) -> Table:
        """Return the table to create for the first extract."""
        columns = key_columns(self.subject.key, layout)
        if not columns:
            return replace(self.table, source="none")
        known = self.subject.known
        empty = {column.name.casefold() for column in known.columns if column.nullable} if known is not None else set()
        named = zip(layout.header, layout.columns, strict=True)
        optional = {column.name for name, column in named if name.casefold() in empty}
        return replace(
            self.table, key=columns, optional=frozenset(optional & set(columns)), source=self.subject.key.source
        )

    async def _make_unique(self, extract: SourceExtract, stage: Stage) -> bool:
        """Drop unusable rows from the stage; return whether the key distinguishes the remaining ones."""
        if stage.lacks_key:
            return not extract.is_full  # each row of a differential is a reject
        if not stage.table.is_keyed:
            return False
        merge = self._merger(stage, Applied(extract.identity, 0, is_unique=True, purges=False))
        await self._engine.run(merge.drop_unusable())
        if not await self._engine.run(merge.twice()):
            return True
        if not extract.is_full:
            await self._engine.run(merge.drop_twice())
        return not extract.is_full

    def _merger(self, stage: Stage, applied: Applied, later: list[Applied] | None = None) -> Merge:
        purge = next(
            (Purge(each.number, each.identity.queued_for_processing_date) for each in later or [] if each.purges), None
        )
        return Merge(
            stage,
            self.catalog.name(self.table.name),
            self.catalog.name(gone_name(self.table.name)),
            self._engine.row,
            self._engine.number,
            applied,
            [each.number for each in later or []],
            purge,
        )

    # Merging

    async def _merge(self, extract: SourceExtract, loaded: Loaded, applied: Applied, limit: float) -> Counts:
        later = self.later(extract)
        counts = Counts(rows=loaded.rows, rejected=loaded.rejected)
        if any(each.is_full and not each.is_unique for each in later):
            return counts  # a later full has replaced all rows
        if loaded.stage.lacks_key and not extract.is_full:
            return counts
        before = self.full_before(extract)
        merge = self._merger(loaded.stage, applied, later)
        if extract.is_full and not applied.is_unique:
            if any(each.is_full for each in later):
                raise NeedsRestart
            await self._drop_later(later)
            return await self._replace_all(merge, counts, limit)
        if not self.applied or (extract.is_full and before is not None and not before.is_unique and not later):
            return await self._replace_all(merge, counts, limit)
        return await self._merge_by_key(merge, counts, limit, later)

    async def _drop_later(self, later: list[Applied]) -> None:
        """Unapply the differentials after a full without unique keys, so that they are passed over as usual."""
        await self.catalog.applied.unnote([each.number for each in later])
        self.applied = [each for each in self.applied if each not in later]

    async def _replace_all(self, merge: Merge, counts: Counts, limit: float) -> Counts:
        run = self._engine.run
        live, rows = (await run(merge.live()))[0][0], (await run(f"SELECT count(*) FROM {merge.stage.name}"))[0][0]
        _guard(max(live - rows, 0), live, limit)
        for statement in merge.replace_all():
            await run(statement)
        return replace(counts, inserted=rows, deleted=live)

    async def _merge_by_key(self, merge: Merge, counts: Counts, limit: float, later: list[Applied]) -> Counts:
        run = self._engine.run
        for name in (MERGE, LOST, DOUBT):
            await run(f"DROP TABLE IF EXISTS {name}")
        await run(merge.join())
        lost = 0
        if merge.applied.purges:
            await run(merge.lose())
            lost = (await run(f"SELECT count(*) FROM {LOST}"))[0][0]
            _guard(lost, (await run(merge.live()))[0][0], limit)
        ((inserted, updated, changed),) = await run(merge.count())
        if later:
            await run(list_doubt(merge))
        for statement in [*merge.replace(), *(merge.delete_lost() if lost else [])]:
            await run(statement)
        if later:
            files = Files(self._engine, self.destination, self.subject.data_set, self.stage)
            await move_changes(files, merge, later)
        return replace(counts, inserted=inserted, updated=updated, changed=changed, deleted=lost)


def _guard(lost: int, live: int, limit: float) -> None:
    """Raise Held if a full would delete too many rows."""
    if live >= GUARDED_ROWS and lost * 100 > limit * live:
        raise Held(lost * 100 / live)
