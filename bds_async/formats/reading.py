"""Reading a file once while hashing it, and the facts that this gives."""

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
    """A whole file: its length, its SHA-256 (hexadecimal), and the header row of its CSV, if any.

    `text_columns`, only for a new Parquet file, are the columns that are text because a value does not fit their type.
    """

    bytes: int
    sha256: str
    columns: tuple[str, ...] | None
    text_columns: tuple[str, ...] | None = None


#: Called with the size in bytes of each block that was read; an exception from it ends the work.
Watch: TypeAlias = Callable[[int], None]


def unwatched(count: int) -> None:
    """Watch nothing."""


def measure(path: Path, watch: Watch = unwatched) -> Checked:
    """Measure the length and SHA-256 of a file that cannot prove itself whole, like a CSV; raises DestinationError."""
    with writing_to(path.parent), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        reader = HashingReader(file, Prefix(), watch=watch)
        reader.skip_to(size)
        return Checked(size, reader.sha256, None)


class HashingReader:
    """Reads a file from start to end, and extends `prefix` by the bytes that it has not hashed yet."""

    def __init__(self, file: BinaryIO, prefix: Prefix, position: int = 0, *, watch: Watch = unwatched) -> None:
        self._file = file
        self._prefix = prefix
        self._watch = watch
        self._position = position
        file.seek(position)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the whole file, in hexadecimal digits, once its end is reached."""
        return self._prefix.sha256

    def blocks(self, stop: int, size: int = BLOCK) -> Iterator[bytes]:
        """Read the bytes from here to `stop`, in blocks of at most `size`."""
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
        """Skip to `position` and hash the bytes up to there; bytes that are hashed already are not read."""
        known = min(position, self._prefix.length)
        if known > self._position:
            self._position = self._file.seek(known)
        for _ in self.blocks(position):
            pass
