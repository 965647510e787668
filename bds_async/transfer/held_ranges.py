"""The ranges that one generation of a partial file holds, in memory and in a record on the disk.

The record's first line is JSON: the validator, the total, and a unique nonce. Each written block then appends a line
with its start, its stop and a CRC-32 seeded with that of the first line. A torn line counts as not written.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from ..support.prefix import Prefix
from .ranges import Range, gaps, merged

_LINE = re.compile(rb"((\d{1,18}) (\d{1,18})) ([0-9a-f]{8})")


class HeldRanges:
    """The ranges that have arrived of one object with one validator.

    `validator` is strong or None, `total` the length of the whole in bytes, None while unknown. `is_over` is True once
    the partial file was started over. `prefix` is the digest of the bytes that this run wrote in order.
    """

    def __init__(self, path: Path, validator: str | None, total: int | None) -> None:
        self.validator = validator
        self.total = total
        self.is_over = False
        self.prefix = Prefix()
        self._path = path
        self._seed: int | None = None
        self._writing = threading.Lock()
        self._held: list[Range] = []

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the record that an earlier run wrote to `path`; raises OSError, or ValueError if it is not a record."""
        first, *lines = path.read_bytes().split(b"\n")
        match json.loads(first):
            case {"validator": str() | None as validator, "total": int() | None as total, "nonce": str()}:
                ranges = cls(path, validator, total)
                ranges._seed = zlib.crc32(first)
                ranges._held = merged(_understood(lines, ranges._seed))
                return ranges
        raise ValueError(path.name)

    def close(self) -> None:
        """Stop recording: the partial file is started over, or gone."""
        with self._writing:
            self.is_over = True

    def open_record(self) -> io.FileIO | None:
        """Open the record on the disk to append to it; None if it is closed. May be called in any thread.

        The first call begins the record, and replaces an earlier one. Raises OSError.
        """
        with self._writing:
            if self.is_over:
                return None
            if self._seed is None:
                line = _first_line(self.validator, self.total)
                self._path.write_bytes(line)
                self._seed = zlib.crc32(line)
            return self._path.open("ab", buffering=0)

    def record(self, file: io.FileIO, start: int, stop: int) -> None:
        """Append a written block to the open record; raises OSError. May be called in any thread."""
        with self._writing:
            if not self.is_over:
                entry = b"%d %d" % (start, stop)
                file.write(b"\n%s %08x" % (entry, zlib.crc32(entry, self._seed or 0)))

    def add(self, start: int, stop: int) -> None:
        """Add a written block to the ranges in memory."""
        self._held = merged([*self._held, (start, stop)])

    def all(self) -> list[Range]:
        """The ranges that are there, sorted; they neither overlap nor touch."""
        return list(self._held)

    def gaps(self, total: int) -> list[Range]:
        """The missing ranges of the bytes from 0 to `total`, sorted."""
        return gaps(self._held, total)

    @property
    def end(self) -> int:
        """Where the last range stops; 0 if there is none."""
        return self._held[-1][1] if self._held else 0


def _first_line(validator: str | None, total: int | None) -> bytes:
    return json.dumps({"validator": validator, "total": total, "nonce": secrets.token_hex(8)}).encode()


def _understood(lines: Iterable[bytes], seed: int) -> Iterable[Range]:
    for match in map(_LINE.fullmatch, lines):
        if match is not None and zlib.crc32(match[1], seed) == int(match[4], 16):
            yield int(match[2]), int(match[3])
