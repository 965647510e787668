"""The expected tables of a mirror: a plain dict to which extracts are applied one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from bds_async.models import BdsType, Extract, version_key

Values = tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """A data set of a test: header, key, and the facts that the rules need."""

    name: str
    header: tuple[str, ...]
    key: tuple[str, ...]
    numbers: frozenset[str]
    moments: tuple[str, ...] = ()
    row_version: str | None = None
    years: bool = False

    def typed(self, name: str, text: str) -> Any:
        """A delivered text as it is in the table: moments to the microsecond."""
        if text == "":
            return None
        if name in self.numbers:
            return int(text)
        if name in self.moments:
            return datetime.fromisoformat(text[:26].rstrip("Z"))
        return text

    def key_of(self, values: Values) -> tuple[Any, ...]:
        """The key by value: moments with all their digits."""
        row = dict(zip(self.header, values, strict=True))
        return tuple(row[name] if name in self.moments else self.typed(name, row[name]) for name in self.key)

    def date_of(self, values: Values) -> date | None:
        row = dict(zip(self.header, values, strict=True))
        first = next((row[name] for name in self.header if name in self.moments and row[name]), None)
        return None if first is None else datetime.fromisoformat(first[:26].rstrip("Z")).date()


@dataclass
class Row:
    values: Values
    queued: datetime
    changed: datetime
    deleted: datetime | None = None


@dataclass(frozen=True)
class Told:
    """An extract with its rows."""

    extract: Extract
    rows: tuple[Values, ...]

    @property
    def order(self) -> tuple[Any, ...]:
        extract = self.extract
        full = extract.bds_type is BdsType.FULL
        return (extract.queued_for_processing_date, full, extract.created_date, version_key(extract.version))


@dataclass
class Model:
    """One table: `rows` by key, or a `plain` list while the last full has a key twice."""

    shape: Shape
    keep_deleted: bool = False
    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    plain: list[Row] | None = None

    def apply_all(self, told: Iterable[Told]) -> None:
        for each in sorted(told, key=lambda one: one.order):
            self.apply(each)

    def apply(self, told: Told) -> None:
        queued = told.extract.queued_for_processing_date.astimezone(UTC).replace(tzinfo=None)
        if told.extract.bds_type is BdsType.FULL:
            self._full(told.rows, queued)
        elif self.plain is None:
            for key, values in self._last(told.rows).items():
                self._put(key, values, queued)

    def _last(self, rows: Sequence[Values]) -> dict[tuple[Any, ...], Values]:
        """One row for each key: the one with the highest version, then the later line."""
        place = self.shape.header.index(self.shape.row_version) if self.shape.row_version else None
        found: dict[tuple[Any, ...], Values] = {}
        for values in rows:
            key = self.shape.key_of(values)
            old = found.get(key)
            if old is None or place is None or int(values[place] or -1) >= int(old[place] or -1):
                found[key] = values
        return found

    def _put(self, key: tuple[Any, ...], values: Values, queued: datetime) -> None:
        old = self.rows.get(key)
        if old is None or old.deleted is not None or self._typed(old.values) != self._typed(values):
            self.rows[key] = Row(values, queued, queued)
        else:
            self.rows[key] = Row(values, queued, old.changed)

    def _typed(self, values: Values) -> list[Any]:
        return [self.shape.typed(name, text) for name, text in zip(self.shape.header, values, strict=True)]

    def _full(self, rows: Sequence[Values], queued: datetime) -> None:
        keys = [self.shape.key_of(values) for values in rows]
        if len(set(keys)) < len(keys):
            self.plain = [Row(values, queued, queued) for values in rows]
            self.rows = {}
            return
        if self.plain is not None:
            self.plain, self.rows = None, {}
        for key, values in zip(keys, rows, strict=True):
            self._put(key, values, queued)
        for key in [key for key in self.rows if key not in set(keys)]:
            if self.rows[key].deleted is None and self._is_inside(self.rows[key].values, queued):
                if self.keep_deleted:
                    self.rows[key].deleted = queued
                else:
                    del self.rows[key]

    def _is_inside(self, values: Values, queued: datetime) -> bool:
        found = self.shape.date_of(values)
        return not self.shape.years or (found is not None and found >= date(queued.year - 2, 1, 1))

    def table(self) -> list[tuple[Any, ...]]:
        """Every row, sorted: its values, then when it was last delivered, when it changed, when it was deleted."""
        rows = self.plain if self.plain is not None else self.rows.values()
        return sorted(((*self._typed(row.values), row.queued, row.changed, row.deleted) for row in rows), key=repr)
