"""The values of key columns: a row's key never changes, and no two rows of a table share one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import chain
from random import Random

from ...registry import Column, ColumnType
from .tables import stable_number
from .values import FIRST_NUMBERS, OLDEST, value

#: Number of rows that share a value in each numbered key column except the unique one.
SPREAD = 40
#: One in this many pairs of classes has an empty value in a nullable key column.
EMPTY_EVERY = 8
INTEGERS = (ColumnType.INT, ColumnType.BIGINT, ColumnType.SMALLINT)
#: %-formats of the columns that a schema change adds to a key; they take 0 or 1.
ADDED_FORMATS = {
    **dict.fromkeys(INTEGERS, "%d"),
    ColumnType.NVARCHAR: "Part %d",
    ColumnType.UNIQUEIDENTIFIER: "5ab0c5ed-0000-4000-8000-%012x",
    ColumnType.DATETIME2: "2025-02-28T12:00:0%d.5Z",
}


def number_format(column: Column) -> str | None:
    """Return the %-format of a key column that holds a number, or None for one whose values are drawn."""
    if column.type in INTEGERS:
        return "%d"
    if column.type == ColumnType.UNIQUEIDENTIFIER:
        return "5ab0c5ed-0000-4000-8000-%012x"
    if column.type == ColumnType.NVARCHAR and column.name.upper().endswith("ID"):
        return column.name + "-%d"
    return None


@dataclass(frozen=True)
class KeyPlan:
    """How the key columns of one table get their values.

    `columns` is the documented key; if none is documented, one integer column, whose numbers repeat. `added` are the
    columns that a schema change adds to the key: rows from number `first_twin` on share the documented key with an
    earlier row, and differ from it only in the added columns. With `close`, two neighbouring rows differ in the seventh
    digit of a moment, or else in letter case, if the key has such a column.
    """

    seed: int
    table: str
    columns: tuple[Column, ...]
    has_unique: bool = True
    added: tuple[Column, ...] = ()
    first_twin: int | None = None
    close: bool = False
    #: Number of different users in composite keys; at least `SPREAD`.
    users: int = SPREAD

    @cached_property
    def distinguishing(self) -> Column | None:
        """The column in which neighbouring rows differ, if keys are `close` and the table has such a column."""
        for wanted in (ColumnType.DATETIME2, ColumnType.NVARCHAR) if self.close else ():
            for column in self.columns:
                if column.type == wanted:
                    return column
        return None

    @cached_property
    def _unique(self) -> str | None:
        numbered = [column.name for column in self.columns if number_format(column) and not column.nullable]
        return numbered[-1] if numbered and self.has_unique else None

    def cells(self, class_number: int) -> dict[str, str]:
        """Return the key cells of a class by column, as %-formats that take at most one number each."""
        added = {column.name: ADDED_FORMATS[column.type] for column in self.added}
        return {column.name: self._cell(column, class_number) for column in self.columns} | added

    def _cell(self, column: Column, class_number: int) -> str:
        if self.has_unique and column.nullable and number_format(column) and class_number // 2 % EMPTY_EVERY == 0:
            return "%.0s"
        text = number_format(column) or self._drawn(column, class_number)
        return _variant(column, text, class_number % 2) if column is self.distinguishing else text

    def _drawn(self, column: Column, class_number: int) -> str:
        group = class_number // 2 if self.close else class_number
        draw = Random(stable_number("key", self.seed, self.table, column.name, group))
        return value(column, draw, _modified(group)).replace("%", "%%")

    def numbers(self, columns: Sequence[Column]) -> Callable[[Sequence[int]], tuple[int, ...]]:
        """Return a function that maps row numbers to the numbers for the formats of these rows, row by row.

        `columns` are those of the file, in its order.
        """
        numbered = [column.name for column in self.columns if number_format(column)]
        added = {column.name for column in self.added}
        slots = [
            self._added_slot if column.name in added else partial(self._slot, column.name)
            for column in columns
            if column.name in added or column.name in numbered
        ]

        def arguments(rows: Sequence[int]) -> tuple[int, ...]:
            """The arguments of the rows, row by row."""
            return tuple(chain.from_iterable(zip(*[slot(rows) for slot in slots], strict=True)))

        return arguments

    def _added_slot(self, rows: Sequence[int]) -> list[int]:
        first = self.first_twin
        return [int(first is not None and row >= first) for row in rows]

    def _slot(self, name: str, rows: Sequence[int]) -> list[int]:
        base, first = self._base(name), self.first_twin
        if first is not None:
            rows = [row - first if row >= first else row for row in rows]
        per_value = (2 if self.distinguishing else 1) * (1 if name == self._unique else SPREAD)
        if name == self._unique == "UserId" and len(self.columns) > 1:
            # At most SPREAD neighbouring rows have equal other numbers, so that these numbers may repeat.
            return [base + row // per_value % self.users for row in rows]
        return [base + row // per_value for row in rows]

    def _base(self, name: str) -> int:
        """Return the first number of a column: the same in every table, so that tables can be joined."""
        return FIRST_NUMBERS.get(name) or 1000 + stable_number("key", self.seed, name) % 90_000


def _modified(group: int) -> datetime:
    return OLDEST + timedelta(days=30 * (group + 1))


def _variant(column: Column, text: str, parity: int) -> str:
    """Return one of two values that differ in the seventh fraction digit of a moment, or in letter case."""
    if column.type == ColumnType.DATETIME2:
        return f"{text[:19]}.123456{1 + parity}Z"
    if text.lower() == text.upper():
        # A text in a script without letter case.
        text = f"{text} a"
    return text.lower() if parity else text.upper().replace("%D", "%d")
