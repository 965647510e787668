"""Pairing of the old routes' entries, which list a full and its differential separately, to data sets."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

from ...models import DataSet, Extract, base_name
from .shapes import OldDataSetShape


def paired(entries: Iterable[OldDataSetShape]) -> tuple[DataSet, ...]:
    """The data sets in the entries of `GET /d2l/api/lp/{lp}/dataExport/bds`, paired by their names."""
    # If pages shift while they are read, an entry can be repeated. A different one with the same id is kept.
    unique = {(entry.plugin_id.lower(), entry.name, entry.full_data_set): entry for entry in entries}.values()
    fulls = {entry.name: entry for entry in reversed(unique) if entry.full_data_set}
    partners: dict[str, OldDataSetShape] = {}
    orphans = []
    for entry in (entry for entry in unique if not entry.full_data_set):
        full = fulls.get(_full_name(entry, fulls))
        if full is None or partners.setdefault(full.plugin_id, entry) is not entry:
            orphans.append(entry)
    pairs = [_data_set(entry, partners.get(entry.plugin_id)) for entry in unique if entry.full_data_set]
    return (*pairs, *(_data_set(None, orphan) for orphan in orphans))


def unique_extracts(extracts: Iterable[Extract]) -> tuple[Extract, ...]:
    """The extracts without repetitions; of several with the same identity, the last counts."""
    return tuple({extract.identity: extract for extract in extracts}.values())


def _full_name(differential: OldDataSetShape, fulls: Container[str]) -> str:
    """The name of a differential's full: without D2L's suffix, which differs by language."""
    localised = differential.name.strip().rpartition(" ")[0]
    return localised if localised in fulls else base_name(differential.name)


def _data_set(full: OldDataSetShape | None, differential: OldDataSetShape | None) -> DataSet:
    data_set = DataSet(None, full.plugin() if full else None, differential.plugin() if differential else None)
    both = [entry.extracts(data_set.name) for entry in (full, differential) if entry]
    extracts = unique_extracts(extract for found, _ in both for extract in found)
    return replace(data_set, extracts=extracts, extract_faults=tuple(fault for _, faults in both for fault in faults))
