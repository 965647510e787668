"""Reading a file once, hashing all that goes by; what is known of a file then."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from ..errors import VerificationError
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
        reader = HashingReader(file, watch=watch)
        reader.skip_to(size)
        return Checked(size, reader.sha256, None)


class HashingReader:
    """Reads a file once from one end to the other, hashing all that goes by."""

    def __init__(self, file: BinaryIO, position: int = 0, *, watch: Watch = unwatched) -> None:
        self._file = file
        self._watch = watch
        self._digest = hashlib.sha256()
        self._position = position
        file.seek(position)

    @property
    def sha256(self) -> str:
        """Of all that was read, hexadecimal."""
        return self._digest.hexdigest()

    def blocks(self, stop: int) -> Iterator[bytes]:
        """The bytes from here to `stop`, by blocks."""
        while self._position < stop:
            block = self._file.read(min(BLOCK, stop - self._position))
            if not block:
                raise VerificationError("The file became shorter while it was read.")
            self._position += len(block)
            self._digest.update(block)
            self._watch(len(block))
            yield block

    def skip_to(self, position: int) -> None:
        """Hash what lies between here and `position`."""
        for _ in self.blocks(position):
            pass
