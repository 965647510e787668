"""Changes of a data set's columns from one extract to the next; pure, no I/O.

D2L's minor versions append columns at the end. Major versions may remove, rename or reorder columns; for a while,
extracts of both versions can be listed for the same moment.
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
    """How severe a change is. ADDITIVE: columns were only appended at the end. BREAKING: any other change."""

    ADDITIVE = "additive"
    BREAKING = "breaking"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A difference between two headers. A renamed column counts as removed and added, a moved one as neither."""

    kind: ChangeKind
    added: Columns
    removed: Columns

    def __str__(self) -> str:
        parts = [f"{what} {', '.join(names)}" for what, names in (("added", self.added), ("removed", self.removed))]
        named = [part for part, names in zip(parts, (self.added, self.removed), strict=True) if names]
        return printable("; ".join(named)) or "reordered"


def compare(before: Columns, after: Columns) -> SchemaChange | None:
    """Return the change between two headers, None if they are equal. Names are compared exactly."""
    if before == after:
        return None
    kind = ChangeKind.ADDITIVE if after[: len(before)] == before else ChangeKind.BREAKING
    return SchemaChange(kind, added=_beyond(after, before), removed=_beyond(before, after))


def _beyond(these: Columns, those: Columns) -> Columns:
    """Return the names in `these` that are missing, or occur less often, in `those`."""
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
    """The columns of a data set from one extract on; `change` is None for the first known extract."""

    since: datetime
    version: str
    columns: Columns
    change: SchemaChange | None


def predecessor(version: str, moment_before: Mapping[str, Columns]) -> Columns | None:
    """Return the header to compare with: that of the same version among the headers of the moment before, by version.

    If that version had no extract then, return the header of the highest version; None if there is no header.
    """
    if version in moment_before:
        return moment_before[version]
    return moment_before[max(moment_before, key=version_key)] if moment_before else None


def history(headers: Iterable[Header]) -> Iterator[SchemaEntry]:
    """Yield the changes of a data set's columns. `headers` are in queued order, fulls and differentials together."""
    before: dict[str, Columns] = {}
    for moment, group in groupby(headers, key=lambda header: header.queued_for_processing_date):
        here = {header.version: header.columns for header in group}
        for version in sorted(here, key=version_key):
            known = predecessor(version, before)
            change = compare(known, here[version]) if known is not None else None
            if change is not None or known is None:
                yield SchemaEntry(moment, version, here[version], change)
        before = here
