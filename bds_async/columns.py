"""The columns of a data set as they change from one extract to the next: pure, no I/O.

D2L's minor versions append columns at the end; major ones may remove, rename or reorder them, and for a while extracts
of both versions can stand side by side for the same moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import TypeAlias

from .models import version_key
from .support.text import printable

Columns: TypeAlias = tuple[str, ...]


class ChangeKind(StrEnum):
    """ADDITIVE: columns were appended at the end, and nothing else; BREAKING: anything else."""

    ADDITIVE = "additive"
    BREAKING = "breaking"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """How one header differs from another; a renamed column is removed and added, a moved one neither."""

    kind: ChangeKind
    added: Columns
    removed: Columns

    def __str__(self) -> str:
        parts = [f"{what} {', '.join(names)}" for what, names in (("added", self.added), ("removed", self.removed))]
        told = [part for part, names in zip(parts, (self.added, self.removed), strict=True) if names]
        return printable("; ".join(told)) or "reordered"


def compare(before: Columns, after: Columns) -> SchemaChange | None:
    """What changed between two headers; None if nothing did. Names are compared as they are written."""
    if before == after:
        return None
    kind = ChangeKind.ADDITIVE if after[: len(before)] == before else ChangeKind.BREAKING
    return SchemaChange(kind, added=_beyond(after, before), removed=_beyond(before, after))


def _beyond(these: Columns, those: Columns) -> Columns:
    """The names of these that those do not have, or not so often."""
    left = Counter(those)
    left.subtract(these)
    surplus = {name: -count for name, count in left.items() if count < 0}
    found = []
    for name in reversed(these):
        if surplus.get(name, 0):
            surplus[name] -= 1
            found.append(name)
    return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one delivered extract."""

    queued_for_processing_date: datetime
    version: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """From one extract on a data set had these columns; `change` is None for the first that is known."""

    since: datetime
    version: str
    columns: Columns
    change: SchemaChange | None


def predecessor(version: str, moment_before: Mapping[str, Columns]) -> Columns | None:
    """The header to compare with, of those that stand at the moment next before, by version: the same version's.

    Where that version did not stand there, the highest one's; None of nothing.
    """
    if version in moment_before:
        return moment_before[version]
    return moment_before[max(moment_before, key=version_key)] if moment_before else None


def history(headers: Iterable[Header]) -> Iterator[SchemaEntry]:
    """The changes of a data set's columns; `headers` come in queued order, both flavours together."""
    before: dict[str, Columns] = {}
    for moment, group in groupby(headers, key=lambda header: header.queued_for_processing_date):
        here = {header.version: header.columns for header in group}
        for version in sorted(here, key=version_key):
            known = predecessor(version, before)
            change = compare(known, here[version]) if known is not None else None
            if change is not None or known is None:
                yield SchemaEntry(moment, version, here[version], change)
        before = here
