"""What a mirror would apply: for `--dry-run`. Nothing is changed, and no database is made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..models import BdsType
from ..options import MirrorOptions
from ..planning import chosen_by
from ..workspace import Workspace
from .catalog import Catalog
from .following import identity_key
from .names import unique_name
from .run import opened
from .source import Source, SourceDataSet, source_of
from .target import Target

#: What is known of a data set: the name of its table, and the applied extracts.
Known = Mapping[str, tuple[str, set[tuple[object, ...]]]]


@dataclass(frozen=True, slots=True)
class PendingExtract:
    """An extract that is to be applied; `bytes` is the size of its file."""

    table: str
    data_set: str
    bds_type: BdsType
    queued: datetime
    path: str
    bytes: int | None


async def preview(target: Target, workspace: Workspace, options: MirrorOptions) -> tuple[PendingExtract, ...]:
    """Return what a mirror would apply, in order. Raises as the mirror does."""
    source = await source_of(workspace, chosen_by(options))
    known: Known = {}
    if not options.rebuild and await asyncio.to_thread(_may_exist, target):
        known = await _known(target, workspace, options.schema, source)
    return tuple(each for data_set in source.data_sets for each in _pending(data_set, known))


def _may_exist(target: Target) -> bool:
    return target.path is None or target.path.exists()


async def _known(target: Target, workspace: Workspace, schema: str, source: Source) -> Known:
    async with opened(target, workspace, schema) as engine:
        catalog = Catalog(engine, schema)
        if not await catalog.is_prepared():
            return {}
        tables = await catalog.tables()
        names = {each.folder: tables[each.folder][0] for each in source.data_sets if each.folder in tables}
        return {
            folder: (name, set(map(identity_key, await catalog.applied.of(name)))) for folder, name in names.items()
        }


def _pending(data_set: SourceDataSet, known: Known) -> list[PendingExtract]:
    name, applied = known.get(data_set.folder, (unique_name(data_set.folder, ()), set()))
    return [
        PendingExtract(name, data_set.name, extract.identity.bds_type, extract.queued, extract.path, extract.bytes)
        for extract in data_set.extracts
        if extract.path is not None and identity_key(extract) not in applied
    ]
