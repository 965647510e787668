"""A table for stdout in its full width: cells are cut neither in a pipe nor on a narrow terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import click
from rich.cells import cell_len

_GAP = "  "


class TextTable:
    """Rows of text below bold headings, without lines; columns of numbers are aligned to the right."""

    def __init__(self, headings: Sequence[str], numbers: Collection[str] = ()) -> None:
        self._headings = tuple(headings)
        self._is_number = [heading in numbers for heading in headings]
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row; there is a cell for each heading."""
        self._rows.append(cells)

    def print(self) -> None:
        """Print the headings and the rows to stdout."""
        widths = self._widths()
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
    space = " " * (width - cell_len(cell))
    return space + cell if is_number else cell + space
