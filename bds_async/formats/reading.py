"""Reading a file once, hashing all that goes by; what is known of a file then."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from ..errors import VerificationError
from ..support.prefix import Prefix
from ..workspace import writing_to
from .inflate import BLOCK


@dataclass(frozen=True, slots=True)
class Checked:
    """A whole file: its length and SHA-256 (hexadecimal), and the header row of its CSV, None without one.

    `text_columns`, for a new Parquet file only, are those whose values do not all fit their type, so that it is text.
    """

    bytes: int
    sha256: str
    columns: tuple[str, ...] | None
    text_columns: tuple[str, ...] | None = None


#: Called with the number of bytes of each block that was read; what it raises ends the work.
Watch: TypeAlias = Callable[[int], None]


def unwatched(count: int) -> None:
    """Watch nothing."""


def measure(path: Path, watch: Watch = unwatched) -> Checked:
    """Length and SHA-256 of a file that has nothing to prove it whole, as a CSV; raises DestinationError."""
    with writing_to(path.parent), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        reader = HashingReader(file, Prefix(), watch=watch)
        reader.skip_to(size)
        return Checked(size, reader.sha256, None)


class HashingReader:
    """Reads a file from one end to the other and extends `prefix` by what it does not know yet."""

    def __init__(self, file: BinaryIO, prefix: Prefix, position: int = 0, *, watch: Watch = unwatched) -> None:
        self._file = file
        self._prefix = prefix
        self._watch = watch
        self._position = position
        file.seek(position)

    @property
    def sha256(self) -> str:
        """Of the whole file once its end is reached, hexadecimal."""
        return self._prefix.sha256

    def blocks(self, stop: int, size: int = BLOCK) -> Iterator[bytes]:
        """The bytes from here to `stop`, by blocks of at most `size`."""
        while self._position < stop:
            block = self._file.read(min(size, stop - self._position))
            if not block:
                raise VerificationError("The file became shorter while it was read.")
            self._hash(block)
            self._position += len(block)
            self._watch(len(block))
            yield block

    def _hash(self, block: bytes) -> None:
        known = self._prefix.length - self._position
        if known < len(block):
            self._prefix.extend(self._prefix.length, block[known:] if known else block)

    def skip_to(self, position: int) -> None:
        """Hash what lies between here and `position`; what is known is not read."""
        known = min(position, self._prefix.length)
        if known > self._position:
            self._position = self._file.seek(known)
        for _ in self.blocks(position):
            pass
