"""The rows of a table at any tick, so that a full equals the previous full with the differentials applied.

Row `i` belongs to class `i % CLASSES`. Except for the key, its values depend only on its class and on the tick at which
the class was last touched. So one set of `CLASSES` templates is drawn for an archive, and the rows of a class differ
only in the numbers of their keys. This makes generation fast. Tick `k` touches class `k % CLASSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from random import Random

from ...registry import Column, ColumnType
from .keys import KeyPlan
from .tables import Table, stable_number
from .values import OLDEST, value

CLASSES = 64
#: Number of drawn rows to cache for a table: successive extracts share most of them.
KEPT = 4 * CLASSES
#: Increase of row versions from tick to tick.
VERSION_STEP = 4


def last_touched(class_number: int, tick: int) -> int:
    """Return the last tick, at or before `tick`, at which a class was touched."""
    return tick - (tick - class_number) % CLASSES


class RowFactory:
    """Draws the CSV text of one table's rows; `columns` may differ from the table's after a schema change."""

    def __init__(
        self, table: Table, columns: Sequence[Column], keys: KeyPlan, moment_of: Callable[[int], datetime]
    ) -> None:
        self._table, self._columns, self._keys, self._moment_of = table, tuple(columns), keys, moment_of
        self._drawn = lru_cache(KEPT)(self._draw)
        self._numbers = keys.numbers(columns)

    def header(self) -> str:
        """Return the header row with its line end."""
        return ",".join(column.name for column in self._columns) + "\r\n"

    def cells(self, class_number: int, tick: int, *, interim: bool = False) -> tuple[str, ...]:
        """Draw one row of a class as of a tick, with %-formats in place of the numbered keys.

        `interim` is a short-lived earlier state of the row: other values, a lower row version, the same key.
        """
        return self._drawn(class_number, last_touched(class_number, tick), interim)

    def rows(self, numbers: Iterable[int], tick: int, *, interim: bool = False) -> Iterator[bytes]:
        """Yield the rows with these numbers as of a tick, in blocks of at most `CLASSES` rows."""
        templates: dict[int, str] = {}
        remaining = iter(numbers)
        while some := tuple(islice(remaining, CLASSES)):
            classes = [number % CLASSES for number in some]
            for class_number in set(classes) - templates.keys():
                templates[class_number] = ",".join(self.cells(class_number, tick, interim=interim)) + "\r\n"
            yield ("".join([templates[number] for number in classes]) % self._numbers(some)).encode()

    def day(self, class_number: int, tick: int) -> str:
        """Return the date (ISO 8601) that decides whether the rows of a class are in the data set's window.

        It is that of the first `datetime2` column that is not empty; "" if all are empty. For a table without such
        columns, the rows have dates that are in no column.
        """
        dated = [place for place, column in enumerate(self._columns) if column.type == ColumnType.DATETIME2]
        if not dated:
            hidden = stable_number("day", self._keys.seed, self._table.name, class_number) % 2500
            return (OLDEST + timedelta(days=hidden)).date().isoformat()
        cells = self.cells(class_number, tick)
        return next((cells[place][:10] for place in dated if cells[place]), "")

    def _draw(self, class_number: int, touched: int, interim: bool) -> tuple[str, ...]:
        """Draw a row; appended, removed and moved columns do not change the values of the others."""
        seed = stable_number(self._keys.seed, self._table.name, class_number, touched, interim)
        draw, changed = Random(seed), self._moment_of(touched)
        drawn = {column.name: value(column, draw, changed) for column in self._table.columns}
        drawn[self._table.facts.row_version or ""] = str((touched + CLASSES) * VERSION_STEP - interim)
        for column in self._columns:
            if column.name not in drawn:
                drawn[column.name] = value(column, Random(stable_number(seed, column.name)), changed)
        fixed = self._keys.cells(class_number)
        return tuple(
            fixed.get(name, drawn[name].replace("%", "%%")) for name in (column.name for column in self._columns)
        )
