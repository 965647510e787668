"""The records of a CSV, checked and written to a file that every CSV reader takes, for a typed form of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableArchive
from .csv_records import NoHeader, Records, Reject

#: How an error names the way out.
INSTEAD = "--as zip publishes it as it came"


@dataclass(frozen=True, slots=True)
class CleanRows:
    """A CSV file without its header row: valid UTF-8, RFC 4180, `newline` after each of its `count` records.

    No record is longer than `longest` bytes. `density` is the mean length of a record, in bytes, where records are
    longest: it bounds the memory of a reader that takes a number of them at once.
    """

    path: Path
    header: tuple[str, ...]
    newline: bytes
    count: int
    longest: int
    density: int


def write_clean_rows(blocks: Iterator[bytes], target: Path) -> CleanRows:
    """Write the records of a CSV, which arrives by blocks, to `target`.

    Raises UnusableArchive for a CSV without a header row, with a column name that is empty or occurs twice, or with
    a record that has another number of fields or is no text; raises what `blocks` raises, and OSError.
    """
    try:
        records = Records(blocks)
        _check_header(records.header)
    except (NoHeader, UnusableArchive) as error:
        # The CRC-32 comes last: damage is no fault of the server's file.
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
    """The longest piece of the file and the highest mean length of its records, in bytes."""
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
