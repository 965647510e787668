"""Projection of a CSV to some columns, in a given order: streamed, aware of quotes, in bounded memory.

The dialect stays that of Brightspace: a BOM if there was one, CRLF, minimal quotes. If a CSV has exactly the wanted
columns, its bytes are passed on unchanged.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter

from ..errors import UnusableArchive
from .csv_header import HEADER_LIMIT, HeaderReader

#: The most characters of a row; a quote that is never closed must not fill the memory.
ROW_LIMIT = 16 * 1024 * 1024
#: Characters that are collected before they are passed on.
_BLOCK = 256 * 1024
_BOM = b"\xef\xbb\xbf"


def project(blocks: Iterable[bytes], wanted: Sequence[str]) -> Iterator[bytes]:
    """Reduce the CSV in `blocks` to the wanted columns, in that order.

    Raises UnusableArchive if one of them is missing, or if the CSV is irregular.
    """
    remaining = iter(blocks)
    head = b"".join(_first(remaining))
    columns = _header(head)
    if tuple(wanted) == columns:
        return chain([head], remaining)
    return _project(head, remaining, _positions(columns, wanted), len(columns))


def _first(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The first blocks, as many as the header row may take."""
    size = 0
    while size <= HEADER_LIMIT and (block := next(blocks, None)) is not None:
        size += len(block)
        yield block


def _header(head: bytes) -> tuple[str, ...]:
    reader = HeaderReader()
    reader.feed(head)
    columns = reader.columns()
    if columns is None:
        raise UnusableArchive("The CSV has no header row, so its columns are not known.")
    return columns


def _positions(columns: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The positions of the wanted columns; of several with the same name, the first one still free."""
    free: dict[str, list[int]] = {}
    for position in range(len(columns) - 1, -1, -1):
        free.setdefault(columns[position], []).append(position)
    return [_taken(free, name) for name in wanted]


def _taken(free: dict[str, list[int]], name: str) -> int:
    if not free.get(name):
        raise UnusableArchive(
            f"The CSV has no column {ascii(name)[:80]}, which is pinned: publish without `pin_columns`, or pin the "
            "current columns with `bds-async ledger unpin`."
        )
    return free[name].pop()


def _project(head: bytes, remaining: Iterator[bytes], positions: Sequence[int], width: int) -> Iterator[bytes]:
    if head.startswith(_BOM):
        yield _BOM
    stream = io.BufferedReader(_Blocks(chain([head.removeprefix(_BOM)], remaining)), _BLOCK)
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    sink = io.StringIO(newline="")
    write, chosen = csv.writer(sink, lineterminator="\r\n").writerow, _chooser(positions)
    for row in _rows(text, width):
        write(chosen(row))
        if sink.tell() >= _BLOCK:
            yield _emptied(sink)
    yield _emptied(sink)


def _rows(text: io.TextIOBase, width: int) -> Iterator[list[str]]:
    """The rows, each with `width` fields; blank lines are skipped."""
    csv.field_size_limit(max(csv.field_size_limit(), ROW_LIMIT))
    lines = _Lines(text)
    number = 0
    try:
        for number, row in enumerate(csv.reader(chain.from_iterable(lines), strict=True), start=1):
            lines.without_row = 0
            if len(row) not in (0, width):
                raise UnusableArchive(f"Row {number} of the CSV has {len(row)} fields where {width} belong.")
            if row:
                yield row
    except csv.Error as error:
        raise UnusableArchive(f"The CSV cannot be read after row {number}: {error}.") from error


class _Lines:
    """A text in groups of whole lines; raises UnusableArchive if a single row is too long.

    `without_row` counts the characters since the last row; the reader resets it to 0.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self.without_row = 0
        self._text = text
        self._tail = ""

    def __iter__(self) -> Iterator[io.StringIO]:
        while piece := self._text.read(_BLOCK):
            lines, end, self._tail = (self._tail + piece).rpartition("\n")
            self._count(len(lines) + len(end))
            if end:
                yield io.StringIO(lines + end, newline="")
            self._count(0)
        yield io.StringIO(self._tail, newline="")

    def _count(self, given: int) -> None:
        self.without_row += given
        if self.without_row + len(self._tail) > ROW_LIMIT:
            raise UnusableArchive(f"A row of the CSV has more than {ROW_LIMIT} characters.")


class _Blocks(io.RawIOBase):
    """A stream of blocks."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Return True: it can always be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the next bytes; none at the end."""
        while not self._left and (block := next(self._blocks, None)) is not None:
            self._left = memoryview(block)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _chooser(positions: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    if len(positions) == 1:
        return lambda row: [row[positions[0]]]
    return itemgetter(*positions)


def _emptied(sink: io.StringIO) -> bytes:
    text = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return text.encode("utf-8", "surrogateescape")
