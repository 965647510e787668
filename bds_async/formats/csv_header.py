"""The header row of a CSV as Brightspace writes it: UTF-8 with BOM, quoted if needed, line breaks in quotes."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Bytes within which the header row must end; otherwise a file counts as having none.
HEADER_LIMIT = 1024 * 1024


class HeaderReader:
    """Takes the beginning of a CSV in blocks and finds its columns; keeps at most HEADER_LIMIT bytes."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._is_whole = True
        self._found: tuple[str, ...] | None = None

    @property
    def is_full(self) -> bool:
        """Whether more blocks would change nothing."""
        return self._found is not None or not self._is_whole

    def feed(self, block: bytes) -> None:
        """Take the next block."""
        if not self.is_full:
            room = HEADER_LIMIT - len(self._head)
            self._head += block[:room]
            self._is_whole = len(block) <= room
            self._found = self._first_row(is_whole=False)

    def tapping(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on the same blocks, feeding each of them first."""
        for block in blocks:
            self.feed(block)
            yield block

    def columns(self) -> tuple[str, ...] | None:
        """The names in the header row; None if there is no header row or it cannot be read."""
        return self._found or self._first_row(self._is_whole)

    def _first_row(self, is_whole: bool) -> tuple[str, ...] | None:
        # The head may end in the middle of a character, so decoding is lenient; parsing of quotes is strict.
        lines = io.StringIO(self._head.decode("utf-8-sig", errors="replace"), newline="")
        complete = (line for line in lines if is_whole or line.endswith(("\n", "\r")))
        try:
            row = next(csv.reader(complete, strict=True), None)
        except csv.Error:
            return None
        # Interned, since many extracts have the same columns.
        return tuple(map(sys.intern, row)) if row else None


def columns_of(csv_path: Path) -> tuple[str, ...] | None:
    """The names in the header row of a CSV file, None if it has none; raises OSError."""
    header = HeaderReader()
    with csv_path.open("rb") as file:
        header.feed(file.read(HEADER_LIMIT + 1))
    return header.columns()
