"""`--rebuild`: the chosen tables are dropped, so that everything is applied again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ..destination import Destination
from ..report import Problem
from .catalog import Catalog
from .keys import known_data_set
from .published import FileChanged, fault_of
from .result import TableResult
from .source import Source, SourceDataSet, SourceExtract


async def drop_for_rebuild(catalog: Catalog, source: Source, settings: Mapping[str, str]) -> tuple[TableResult, ...]:
    """Drop the tables of all chosen data sets and replace `settings` in one transaction, if every needed file is there.

    Otherwise change nothing, and return the data sets with missing files.
    """
    known = await catalog.tables()
    broken = []
    for data_set in source.data_sets:
        problems = await asyncio.to_thread(_problems, source.destination, needed(data_set))
        if problems and data_set.folder in known:
            name, _, schema_id, _, key_source, complete_through = known[data_set.folder]
            broken.append(
                TableResult(name, data_set.name, schema_id, key_source, (), problems, 0, (), complete_through)
            )
    if not broken:
        await catalog.drop([data_set.folder for data_set in source.data_sets], settings)
    return tuple(broken)


def needed(data_set: SourceDataSet) -> list[SourceExtract]:
    """Return the extracts that a rebuild needs: the newest full and all later ones; with a window, all of them."""
    files = [extract for extract in data_set.extracts if extract.path is not None]
    known = known_data_set(data_set)
    if known is not None and known.window is not None:
        return files
    fulls = [place for place, extract in enumerate(files) if extract.is_full]
    return files[fulls[-1] :] if fulls else files


def _problems(destination: Destination, extracts: Sequence[SourceExtract]) -> tuple[Problem, ...]:
    faults = [(each, fault_of(destination, each)) for each in extracts]
    return tuple(_problem(each, fault) for each, fault in faults if fault is not None)


def _problem(extract: SourceExtract, fault: FileChanged) -> Problem:
    text = f"{extract.path} {fault}, and a rebuild needs it, so nothing was dropped: {fault.advice}."
    return Problem(fault.kind, extract.path or "", text)
