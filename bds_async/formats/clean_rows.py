"""The records of a CSV, checked and written to a file that every CSV reader accepts, for conversion to a typed form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableArchive
from .csv_records import NoHeader, Records, Reject

#: The alternative that errors suggest.
INSTEAD = "--as zip publishes it as it came"


@dataclass(frozen=True, slots=True)
class CleanRows:
    """A CSV file without its header row: valid UTF-8, RFC 4180, `newline` after each of its `count` records.

    No record is longer than `longest` bytes. `density` is the mean length of a record, in bytes, in the piece with the
    longest records: it bounds the memory of a reader that takes many at once.
    """

    path: Path
    header: tuple[str, ...]
    newline: bytes
    count: int
    longest: int
    density: int


def write_clean_rows(blocks: Iterator[bytes], target: Path) -> CleanRows:
    """Write the records of a CSV, which arrives in blocks, to `target`.

    Raises UnusableArchive for a CSV without a header row, with an empty or duplicate column name, or with a record that
    has the wrong number of fields or is not text; raises as `blocks` does, and OSError.
    """
    try:
        records = Records(blocks)
        _check_header(records.header)
    except (NoHeader, UnusableArchive) as error:
        # Read on to the CRC-32 at the end: if the data is damaged, the server's file is not at fault.
        for _ in blocks:
            pass
        raise UnusableArchive(str(error) or f"The CSV has no header row; {INSTEAD}.") from None
    longest, density = _write(records, target)
    return CleanRows(target, records.header, records.newline, records.count, longest, density)


def _check_header(header: tuple[str, ...]) -> None:
    twice = next((name for name, count in Counter(map(str.lower, header)).items() if count > 1), None)
    if twice is not None:
        raise UnusableArchive(f"The CSV has two columns named {ascii(twice)[:80]}; {INSTEAD}.")
    if "" in header or any("\\x" in name or "\0" in name for name in header):
        raise UnusableArchive(f"The CSV has a column without a name, or whose name is no text; {INSTEAD}.")


def _write(records: Records, target: Path) -> tuple[int, int]:
    """Write the pieces; return the longest piece and the highest mean length of its records, in bytes."""
    longest = density = before = 0
    fault: Reject | None = None
    with target.open("wb") as file:
        for piece in records.pieces():
            file.write(piece)
            if records.count > before:
                longest, density = max(longest, len(piece)), max(density, len(piece) // (records.count - before))
            before = records.count
            fault = fault or next(iter(records.rejects), None)
            records.rejects.clear()
    if fault is not None:
        raise UnusableArchive(_text(fault))
    return longest, density


def _text(fault: Reject) -> str:
    what = "The record" if fault.column is None else f"The value of {ascii(fault.column)[:80]}"
    return f"{what} in line {fault.line:,} of the CSV {fault.reason}; {INSTEAD}."
