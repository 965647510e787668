"""The rows of a table at any tick, so that a full equals the full before it with the differentials applied.

Row `i` belongs to class `i % CLASSES`. Its values, the keys aside, depend on its class and on the tick at which the
class was last touched and on nothing else: one block of `CLASSES` rows is drawn for an archive, and from block to block
only the keys move. That is what makes generating fast. Tick `k` touches class `k % CLASSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from random import Random

from .tables import Column, Table, stable_number
from .values import value

CLASSES = 64
#: Rows that share one value of each key column but the last.
SPREAD = 40
#: Drawn rows that are kept: archives that follow one another, and estimates of their sizes, share most of them.
KEPT = 10_000


def key_format(column: Column) -> str | None:
    """Give the %-format of a key column that numbers its rows, or None where its values are drawn like any other."""
    if column.kind in ("int", "bigint", "smallint"):
        return "%d"
    if column.kind == "uniqueidentifier":
        return "5ab0c5ed-0000-4000-8000-%012x"
    if column.kind == "nvarchar" and column.name.upper().endswith("ID"):
        return column.name + "-%d"
    return None


def last_touched(class_number: int, tick: int) -> int:
    """Give the newest tick, not after `tick`, at which a class was touched."""
    return tick - (tick - class_number) % CLASSES


class RowFactory:
    """Draws the CSV text of one table's rows; `columns` may differ from the table's by a schema change."""

    def __init__(
        self, table: Table, columns: Sequence[Column], seed: int, moment_of: Callable[[int], datetime]
    ) -> None:
        self._name, self._columns, self._seed, self._moment_of = table.name, tuple(columns), seed, moment_of
        numbered = tuple(column.name for column in columns if column.name in table.key and key_format(column))
        self._unique = numbered[-1:] or ("",)
        self._numbered = numbered
        self._base = 1000 + stable_number("key", seed, table.name) % 90_000

    def header(self) -> str:
        """Give the header row with its line end."""
        return ",".join(column.name for column in self._columns) + "\r\n"

    def template(self, class_number: int, tick: int) -> str:
        """Draw one row of a class as of a tick, with %-formats where the numbered keys go."""
        touched = last_touched(class_number, tick)
        drawn_by = stable_number(self._seed, self._name, class_number, touched)
        return _template(drawn_by, self._columns, self._numbered, self._moment_of(touched))

    def keys(self, numbers: range) -> tuple[int, ...]:
        """Give the numbers that fill the formats of these rows, row by row."""
        return tuple(chain.from_iterable(zip(*(self._key(name, numbers) for name in self._numbered), strict=True)))

    def _key(self, name: str, numbers: range) -> Iterator[int]:
        base = self._base
        if name in self._unique:
            return (base + number for number in numbers)
        return (base + number // SPREAD for number in numbers)

    def all_rows(self, count: int, tick: int) -> Iterator[bytes]:
        """Give every row below `count` as of a tick, block by block."""
        templates = [self.template(number, tick) for number in range(min(count, CLASSES))]
        block = "".join(templates)
        for start in range(0, count - CLASSES + 1, CLASSES):
            yield (block % self.keys(range(start, start + CLASSES))).encode()
        if rest := count % CLASSES:
            yield ("".join(templates[:rest]) % self.keys(range(count - rest, count))).encode()

    def changed_rows(self, before: int, count: int, tick: int) -> Iterator[bytes]:
        """Give the rows below `before` that the tick touched, and then the inserted ones from there to `count`."""
        touched = range(tick % CLASSES, before, CLASSES)
        template = self.template(tick % CLASSES, tick)
        for start in range(0, len(touched), CLASSES):
            some = touched[start : start + CLASSES]
            yield (template * len(some) % self.keys(some)).encode()
        for number in range(before, count):
            yield (self.template(number % CLASSES, tick) % self.keys(range(number, number + 1))).encode()


@lru_cache(KEPT)
def _template(drawn_by: int, columns: tuple[Column, ...], numbered: tuple[str, ...], changed: datetime) -> str:
    draw = Random(drawn_by)
    return ",".join(_cell(column, numbered, draw, changed) for column in columns) + "\r\n"


def _cell(column: Column, numbered: tuple[str, ...], draw: Random, changed: datetime) -> str:
    if column.name in numbered:
        return key_format(column) or ""
    return value(column, draw, changed).replace("%", "%%")
