"""Zips: check one, read its header row, take the CSV out of it. For a thread or an executor: all of it blocks.

Two kinds of fault. VerificationError: the bytes are not what was sent (cut, damaged, no zip), so another download may
help. UnusableArchive: the zip is what the server holds, and cannot be used (encrypted, a foreign method, the wrong
number of members, too large), so it would not. Memory is bounded whatever the archive claims.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, TypeAlias

from ..errors import UnusableArchive, VerificationError
from ..workspace.folder import writing_to
from .csv_header import HeaderReader
from .inflate import BLOCK, contents
from .projection import project
from .zip_members import Member, members_of


class Verify(StrEnum):
    """How much of a zip is checked: `full` is length, directory and every CRC-32; `fast` goes without the CRCs."""

    FULL = "full"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that is whole: its length and SHA-256 (hexadecimal), and the header row of its CSV, None without one."""

    bytes: int
    sha256: str
    columns: tuple[str, ...] | None


#: Called with the number of bytes of each block that was read; what it raises ends the work.
Watch: TypeAlias = Callable[[int], None]


def unwatched(count: int) -> None:
    """Watch nothing."""


def check(path: Path, verify: Verify, watch: Watch = unwatched) -> Checked:
    """Prove a zip whole, in one pass over the file; `columns` are those of its first `.csv` member.

    A zip without members is whole. Raises VerificationError, UnusableArchive, or DestinationError where the file
    cannot be read.
    """
    with writing_to(path.parent), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        members = members_of(file, size)
        table = next((member for member in members if member.is_csv), None)
        header = HeaderReader()
        reader = _HashingReader(file, watch=watch)
        for member in sorted(members, key=lambda each: each.start):
            reader.skip_to(member.start)
            _inspect(member, reader, header if member is table else None, verify)
        reader.skip_to(size)
        return Checked(size, reader.sha256, header.columns())


def _inspect(member: Member, reader: _HashingReader, header: HeaderReader | None, verify: Verify) -> None:
    """Read a member as far as `verify` and its header row ask for it."""
    if header is None and verify is Verify.FAST:
        return
    for block in contents(member, reader.blocks(member.stop)):
        if header is not None:
            header.feed(block)
            if header.is_full and verify is Verify.FAST:
                return


def unzip_csv(
    zip_path: Path,
    target: Path,
    *,
    free_space: int,
    watch: Watch = unwatched,
    wanted: Sequence[str] | None = None,
) -> Checked:
    """Write the only member of a zip to `target`, checking it on the way.

    Of its columns the `wanted` ones are written, in that order; all without any. What is returned is about `target`,
    but for `columns`, which are those of the member. Never writes more than `free_space` bytes, nor more than the
    zip's directory declares. Raises VerificationError, UnusableArchive, or DestinationError where the disk is at
    fault; no target is left then.
    """
    with writing_to(target.parent), zip_path.open("rb") as file:
        member = _only_member(members_of(file, os.fstat(file.fileno()).st_size))
        if member.size > free_space:
            text = f"The member {member} of the zip would inflate to {member.size} bytes; {free_space} are free."
            raise UnusableArchive(text)
        reader = _HashingReader(file, member.start, watch=watch)
        header = HeaderReader()
        blocks = header.tapping(contents(member, reader.blocks(member.stop)))
        try:
            length, sha256 = _write(blocks if wanted is None else _projected(blocks, wanted), target)
            return Checked(length, sha256, header.columns())
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _projected(blocks: Iterator[bytes], wanted: Sequence[str]) -> Iterator[bytes]:
    """The wanted columns. What damage made of a CSV is told as damage: the CRC-32 stands at the very end."""
    try:
        yield from project(blocks, wanted)
    except UnusableArchive:
        for _ in blocks:
            pass
        raise


def _only_member(members: list[Member]) -> Member:
    if len(members) != 1:
        raise UnusableArchive(f"The zip has {len(members)} members where one CSV is wanted; --as zip publishes it.")
    if members[0].name.endswith("/"):
        raise UnusableArchive("The only member of the zip is a folder where a CSV is wanted; --as zip publishes it.")
    return members[0]


def _write(blocks: Iterable[bytes], target: Path) -> tuple[int, str]:
    digest, length = hashlib.sha256(), 0
    with target.open("wb") as file:
        for block in blocks:
            file.write(block)
            digest.update(block)
            length += len(block)
    return length, digest.hexdigest()


def measure(path: Path, watch: Watch = unwatched) -> Checked:
    """Length and SHA-256 of a file that has nothing to prove it whole, as a CSV; raises DestinationError."""
    with writing_to(path.parent), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        reader = _HashingReader(file, watch=watch)
        reader.skip_to(size)
        return Checked(size, reader.sha256, None)


class _HashingReader:
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
