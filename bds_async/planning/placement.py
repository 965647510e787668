"""The folder of each listed data set.

Data sets with the same folder are one data set: the old routes list its parts separately if their names do not match.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..ledger import Ledger
from ..models import DataSet, Extract

#: Data sets with their listed extracts, by folder.
Placed = Mapping[str, tuple[DataSet, tuple[Extract, ...]]]


def by_folder(listed: Mapping[DataSet, Iterable[Extract]], ledger: Ledger) -> Placed:
    """The listed data sets by folder, in the order of the catalogue, with each extract once."""
    placed: dict[str, tuple[DataSet, tuple[Extract, ...]]] = {}
    for folder, (data_set, extracts) in zip(ledger.folders.folders_for(listed), listed.items(), strict=True):
        known, so_far = placed.get(folder, (data_set, ()))
        distinct = {extract.identity: extract for extract in (*so_far, *extracts)}
        placed[folder] = _joined(known, data_set), tuple(distinct.values())
    return placed


def _joined(one: DataSet, other: DataSet) -> DataSet:
    return replace(
        one,
        schema_id=one.schema_id or other.schema_id,
        full=one.full or other.full,
        differential=one.differential or other.differential,
    )
