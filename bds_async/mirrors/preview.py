"""A preview of what a mirror would apply, for `--dry-run`. Nothing is changed, and no database is created."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..models import BdsType
from ..options import MirrorOptions
from ..workspace import Workspace
from .applied import Applied
from .catalog import Catalog
from .databases import Target
from .following import identity_key
from .keys import check_keys, key_of, known_data_set
from .names import unique_name
from .passing import is_passed_over, keyless_notes
from .run import opened
from .source import Source, SourceDataSet, SourceExtract, order_of, source_of


@dataclass(frozen=True, slots=True)
class PendingExtract:
    """An extract to apply; `bytes` is the size of its file."""

    table: str
    data_set: str
    bds_type: BdsType
    queued: datetime
    path: str
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The extracts that a mirror would apply, in order, and notes for a person: pairs of table name and text."""

    pending: tuple[PendingExtract, ...]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _KnownTable:
    """The table of a data set in a database."""

    name: str
    has_key: bool
    applied: Sequence[Applied]


@dataclass(frozen=True, slots=True)
class _Known:
    """The contents of a database: its tables by data set folder, and the corrected keys."""

    tables: Mapping[str, _KnownTable] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def table_of(self, data_set: SourceDataSet, corrected: Mapping[str, Sequence[str]] | None) -> _KnownTable:
        """Return the table of a data set, or the one that would be created."""
        if (known := self.tables.get(data_set.folder)) is not None:
            return known
        key = key_of(data_set, known_data_set(data_set), self.keys if corrected is None else corrected)
        return _KnownTable(unique_name(data_set.folder, ()), bool(key.columns), ())


async def preview(target: Target, workspace: Workspace, options: MirrorOptions) -> Preview:
    """Preview what a mirror would apply. Raises as the mirror does."""
    source = await source_of(workspace, options)
    check_keys(options.keys or {}, source)
    known = _Known()
    if await asyncio.to_thread(_may_exist, target):
        known = await _read(target, workspace, options, source)
    found = [_of_data_set(each, known.table_of(each, options.keys)) for each in source.data_sets]
    pending = tuple(extract for each in found for extract in each.pending)
    return Preview(pending, tuple(note for each in found for note in each.notes))


def _may_exist(target: Target) -> bool:
    try:
        return target.path is None or target.path.exists()
    except OSError:
        return True  # opening it will say why


async def _read(target: Target, workspace: Workspace, options: MirrorOptions, source: Source) -> _Known:
    """Read the contents of a database; for a rebuild, without its tables."""
    async with opened(target, workspace, options.schema) as engine:
        catalog = Catalog(engine, options.schema)
        if not await catalog.is_prepared():
            return _Known()
        rows = {} if options.rebuild else await catalog.tables()
        tables = {}
        for folder in (each.folder for each in source.data_sets if each.folder in rows):
            name, _, _, key, *_ = rows[folder]
            tables[folder] = _KnownTable(name, bool(key), await catalog.applied.of(name))
        return _Known(tables, await catalog.keys())


def _of_data_set(data_set: SourceDataSet, table: _KnownTable) -> Preview:
    """Preview one data set, assuming that each of its fulls would be applied."""
    applied, pending, passed_over = list(table.applied), [], 0
    there = {identity_key(each) for each in applied}
    for extract in data_set.extracts:
        if extract.path is None or identity_key(extract) in there:
            continue
        if is_passed_over(extract, applied, has_key=table.has_key):
            passed_over += 1
            continue
        pending.append(_pending(extract, extract.path, data_set, table))
        applied.append(Applied(extract.identity, 0, is_unique=table.has_key, purges=False))
        applied.sort(key=lambda each: order_of(each.identity))
    notes = keyless_notes(data_set.name, applied, passed_over, is_keyed=table.has_key)
    return Preview(tuple(pending), tuple((table.name, note) for note in notes))


def _pending(extract: SourceExtract, path: str, data_set: SourceDataSet, table: _KnownTable) -> PendingExtract:
    kind = extract.identity.bds_type
    return PendingExtract(table.name, data_set.name, kind, extract.queued, path, extract.bytes)
