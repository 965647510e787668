"""A mirror that follows the simulated job, compared with a plain dict of what was delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from bds_async.mirrors.names import snake_case
from bds_async.models import version_key
from bds_async.registry import ColumnType, KnownDataSet
from bds_async.sandbox.truth import Row, TrueExtract
from tests.support.mirror_places import Place

from .books import FULL, Making
from .rows import CONVERSIONS, known_as

Values = dict[str, Any]
State = dict[tuple[Any, ...], Values]


@dataclass
class MirrorCheck:
    """Compares the mirror at `place` with what was delivered; `wrong` names the differences."""

    place: Place
    wrong: list[str] = field(default_factory=list)
    checks: int = 0
    applied: int = 0
    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def arguments(self) -> list[str]:
        """The options with which a sync also updates the mirror. A purge of half a data set is allowed."""
        return ["--mirror", self.place.into, "--mirror-schema", self.place.schema, "--delete-limit", "100"]

    async def check(self, report: Mapping[str, Any], delivered: Mapping[Making, TrueExtract], moment: datetime) -> None:
        """Compare each table after a run that updated the mirror."""
        self.checks += 1
        for table in report["mirror"]["tables"]:
            self.kinds.update({kind: table[kind] for kind in ("inserted", "updated", "deleted", "rejected", "drift")})
        self.wrong += await self._lines(len(delivered), moment)
        by_folder: dict[str, list[tuple[Making, TrueExtract]]] = {}
        for making, extract in delivered.items():
            by_folder.setdefault(making.folder, []).append((making, extract))
        counts = [await self._table(extracts, moment) for extracts in by_folder.values()]
        self.rows = sum(counts)

    async def _lines(self, delivered: int, moment: datetime) -> list[str]:
        """Check that each delivered extract has one line in `_bds_applied`, and that there are no other lines."""
        identity = "plugin_id, bds_type, queued, created, version"
        schema = f'"{self.place.schema}"'
        lines = await self.place.fetch(f"SELECT {identity} FROM {schema}._bds_applied")
        self.applied = len(lines)
        distinct = {tuple(line.values()) for line in lines}
        if len(lines) == len(distinct) == delivered:
            return []
        return [f"{len(lines)} lines for {len(distinct)} extracts of {delivered} delivered at {moment}"]

    async def _table(self, extracts: Iterable[tuple[Making, TrueExtract]], moment: datetime) -> int:
        ordered = [extract for _, extract in sorted(extracts, key=lambda pair: _order(pair[0]))]
        known, name = known_as(ordered[0].data_set), snake_case(ordered[0].data_set.replace(" ", ""))
        expected = folded(ordered, known)
        rows = await self.place.fetch(f'SELECT * FROM "{self.place.schema}".{name}')
        found = {tuple(row[snake_case(column)] for column in known.key): row for row in rows}
        if len(found) < len(rows):
            self.wrong.append(f"{name}: {len(rows) - len(found)} keys twice at {moment}")
        for key in expected.keys() | found.keys():
            if not _agree(expected.get(key), found.get(key)):
                self.wrong.append(f"{name} {key} at {moment}: {expected.get(key)} was delivered, not {found.get(key)}")
        return len(rows)


def folded(ordered: list[TrueExtract], known: KnownDataSet) -> State:
    """The rows after all extracts, by key. A full replaces everything, so it starts with the last one."""
    fulls = [place for place, extract in enumerate(ordered) if extract.bds_type == FULL]
    state: State = {}
    for extract in ordered[fulls[-1] if fulls else 0 :]:
        state |= newest(extract, known)
    return state


def newest(extract: TrueExtract, known: KnownDataSet) -> State:
    """One row for each key of an extract: the one with the highest row version, then the later line."""
    version, found = known.row_version, {}
    for row in rows_of(extract):
        key = tuple(row[snake_case(name)] for name in known.key)
        old = found.get(key)
        if old is None or version is None or row[snake_case(version)] >= old[snake_case(version)]:
            found[key] = row
    return found


@cache
def rows_of(extract: TrueExtract) -> list[Values]:
    """The typed rows of an extract, by the columns of the mirror."""
    kinds = {column.name: column.type for column in known_as(extract.data_set).columns}
    return [_typed(row, kinds) for row in extract.rows()]


def _typed(row: Row, kinds: Mapping[str, ColumnType]) -> Values:
    converted = {name: CONVERSIONS.get(kinds.get(name, ""), str)(text) if text else None for name, text in row.items()}
    return {snake_case(name): value for name, value in converted.items()}


def _agree(expected: Values | None, found: Values | None) -> bool:
    """Whether a row has the delivered values, and NULL in columns that its extract did not have."""
    if expected is None or found is None:
        return expected is found
    return all(expected.get(name) == value for name, value in found.items() if not name.startswith("_bds_"))


def _order(making: Making) -> tuple[Any, ...]:
    return making.queued, making.bds_type == FULL, making.created, version_key(making.version)
