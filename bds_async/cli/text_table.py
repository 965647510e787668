"""A table for stdout: in a pipe in its full width; on a terminal that is narrower its first column is shortened."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence

import click
from rich.cells import cell_len, set_cell_size

_GAP = "  "
#: The least columns of a shortened name.
LEAST_NAME = 12


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is, None for a pipe or a file."""
    # The function of shutil asks the stream that the program has replaced.
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


class TextTable:
    """Rows of text below bold headings, without lines; columns of numbers are aligned to the right."""

    def __init__(self, headings: Sequence[str], numbers: Collection[str] = ()) -> None:
        self._headings = tuple(headings)
        self._is_number = [heading in numbers for heading in headings]
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row; there is a cell for each heading."""
        self._rows.append(cells)

    @property
    def width(self) -> int:
        """The columns of the whole table."""
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
