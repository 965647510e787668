"""Tables on stdout. In a pipe they have their full width; on a terminal that is narrower, moments become ages."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from ..models import brief_text
from ..support import clock

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
#: The largest width of a table, and the least width of a name that is shortened, in characters.
MAX_WIDTH, LEAST_NAME = 1000, 12
#: Seconds of each unit of an age, the largest first.
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a table; a terminal with too few columns gets ages in place of moments, then shorter names."""
    rows, width = list(rows), _width()
    table = _table(headings, rows, ages=False)
    if width is not None and _natural_width(table) > width:
        table = _table(headings, rows, ages=True)
    print_table(table)


def new_table(*headings: str) -> Table:
    """Return a table without lines, with numbers aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    """Print a table: in a pipe in its full width, on a narrower terminal with its first column shortened."""
    drawn, width = io.StringIO(), _width()
    if width is not None and (more := _natural_width(table) - width) > 0:
        table.columns[0].max_width = max(LEAST_NAME, _widths(table)[0] - more)
        table.columns[0].overflow = "ellipsis"
    Console(file=drawn, force_terminal=sys.stdout.isatty(), markup=False, highlight=False, width=MAX_WIDTH).print(table)
    for line in drawn.getvalue().splitlines():
        click.echo(line.rstrip())


def age_text(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit: `3 d`."""
    seconds = max(0, int((now - moment).total_seconds()))
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds // size} {unit}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, ages: bool) -> Table:
    table = new_table(*(_SHORT.get(heading, heading) if ages else heading for heading in headings))
    now = clock.now()
    for row in rows:
        table.add_row(*(_text(cell, now if ages else None) for cell in row))
    return table


def _text(cell: Cell, now: datetime | None) -> str:
    if isinstance(cell, datetime):
        return brief_text(cell) if now is None else age_text(cell, now)
    return cell or ""


def _width() -> int | None:
    """Return the columns of the terminal that stdout is, None for a pipe or a file."""
    # The function of shutil asks the stream that the program has replaced.
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _widths(table: Table) -> list[int]:
    return [max(cell_len(str(text)) for text in (column.header, *column.cells)) for column in table.columns]


def _natural_width(table: Table) -> int:
    # Each column but the last one is followed by a blank on each side of the edge.
    return sum(_widths(table)) + 2 * (len(table.columns) - 1)
