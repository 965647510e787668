"""Tables on stdout. In a pipe they have their full width; on a terminal that is narrower, moments become ages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from ..models import brief_text
from ..support import clock
from .text_table import TextTable, terminal_width

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


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a table; a terminal with too few columns gets ages in place of moments, then shorter names."""
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
