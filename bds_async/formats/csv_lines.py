"""The line at which each record of a file begins, although records may span lines."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right


class LineMap:
    """Maps the number of a record (from 0) to the line (from 1) at which it begins.

    `record` is the number of the next record, `line` the line at which that begins.
    """

    def __init__(self, line: int) -> None:
        self.record = 0
        self.line = line
        self._records = array("q", [0])
        self._offsets = array("q", [line])
        self._vague: list[tuple[int, int]] = []

    def add(self, records: int) -> None:
        """Add a number of records of one line each."""
        self.record += records
        self.line += records

    def add_long(self, lines: int) -> None:
        """Add one record that spans several lines."""
        self.record += 1
        self.skip(lines)

    def skip(self, lines: int) -> None:
        """Add lines that hold no record."""
        self.line += lines
        offset = self.line - self.record
        if self._records[-1] == self.record:
            self._offsets[-1] = offset
        elif offset != self._offsets[-1]:
            self._records.append(self.record)
            self._offsets.append(offset)

    def add_vague(self, records: int, lines: int) -> None:
        """Add records of which only the total number of lines is known."""
        self._vague.append((self.record, self.record + records))
        self.record += records
        self.skip(lines)

    def is_vague(self, record: int) -> bool:
        """Whether the line of an added record is unknown."""
        place = bisect_right(self._vague, (record, sys.maxsize)) - 1
        return place >= 0 and record < self._vague[place][1]

    def line_of(self, record: int) -> int:
        """Return the line at which an added record begins."""
        return record + self._offsets[bisect_right(self._records, record) - 1]
