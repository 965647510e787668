"""Tables on stdout: in a pipe in full width; on a narrower terminal, moments become ages."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

import click
from rich.cells import cell_len, set_cell_size

from ...models import brief_text
from ...support import clock

#: A cell: text, a moment, or nothing.
Cell: TypeAlias = str | datetime | None
#: Headings of columns that hold numbers.
_NUMBERS = frozenset({"size", "differentials", "delivered", "owed", "open gaps", "diffs"}) | {
    "applied",
    "inserted",
    "updated",
    "deleted",
    "rejected",
}
#: Headings of the table with ages.
_SHORT = {
    "newest full": "full age",
    "differentials": "diffs",
    "newest differential": "diff. age",
    "queued": "age",
    "newest": "newest age",
    "complete through": "complete age",
}
#: Seconds of each unit of an age, the largest first.
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_GAP = "  "
#: The least width of a shortened name.
LEAST_NAME = 12


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a table; on a terminal that is too narrow, with ages instead of moments, then with shorter names."""
    rows, width = list(rows), terminal_width()
    table = _table(headings, rows, ages=False)
    if width is not None and table.width > width:
        table = _table(headings, rows, ages=True)
    table.print()


def new_table(*headings: str) -> TextTable:
    """Return an empty table with numbers aligned to the right."""
    return TextTable(headings, _NUMBERS)


def age_text(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit: `3 d`."""
    seconds = max(0, int((now - moment).total_seconds()))
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds // size} {unit}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, ages: bool) -> TextTable:
    table = new_table(*(_SHORT.get(heading, heading) if ages else heading for heading in headings))
    now = clock.now()
    for row in rows:
        table.add_row(*(_text(cell, now if ages else None) for cell in row))
    return table


def _text(cell: Cell, now: datetime | None) -> str:
    if isinstance(cell, datetime):
        return brief_text(cell) if now is None else age_text(cell, now)
    return cell or ""


def terminal_width() -> int | None:
    """Return the width of the terminal on stdout, None for a pipe or a file."""
    # shutil's function would ask the stream that the program has replaced.
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


class TextTable:
    """Rows of text below bold headings, without lines; columns of numbers are aligned to the right."""

    def __init__(self, headings: Sequence[str], numbers: Collection[str] = ()) -> None:
        self._headings = tuple(headings)
        self._is_number = [heading in numbers for heading in headings]
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row, with a cell for each heading."""
        self._rows.append(cells)

    @property
    def width(self) -> int:
        """The width of the whole table."""
        widths = self._widths()
        return sum(widths) + len(_GAP) * (len(widths) - 1)

    def print(self) -> None:
        """Print the headings and the rows to stdout."""
        widths, terminal = self._widths(), terminal_width()
        if terminal is not None and (more := self.width - terminal) > 0:
            widths[0] = min(widths[0], max(LEAST_NAME, widths[0] - more))
        headings = self._line(self._headings, widths)
        click.echo(click.style(headings, bold=True) if sys.stdout.isatty() else headings)
        for row in self._rows:
            click.echo(self._line(row, widths))

    def _widths(self) -> list[int]:
        columns = zip(self._headings, *self._rows, strict=True)
        return [max(map(cell_len, column)) for column in columns]

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        each = zip(cells, widths, self._is_number, strict=True)
        return _GAP.join(_padded(cell, width, is_number) for cell, width, is_number in each).rstrip()


def _padded(cell: str, width: int, is_number: bool) -> str:
    if cell_len(cell) > width:
        cell = f"{set_cell_size(cell, width - 1)}…"
    space = " " * (width - cell_len(cell))
    return space + cell if is_number else cell + space
