"""The published file of an extract: whether it can be applied, and the CSV in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..destination import Destination
from ..errors import DestinationError, ExtractError
from ..formats.inflate import BLOCK, contents
from ..formats.zip_members import Member, members_of
from ..options import PublishAs, PullOptions, Wanted
from ..planning import forced_pull
from ..report import ProblemKind
from ..support.limits import machine_limit
from ..support.os_errors import reason
from ..support.translating import Translating
from .source import SourceExtract

#: What to do about a file: one that is gone or damaged, one without a usable CSV, one that may not be read.
_RESTORE = "put it back, or fetch it again with `bds-async verify --repair`"
INSPECT = "look at it"
_ALLOW = "let this user read it"


class FileChanged(Exception):
    """A published file cannot be applied: it is gone, is not the file that was published, or cannot be read as a CSV.

    The text says what is wrong with it, `advice` what to do, without a full stop.
    """

    def __init__(self, fault: str, advice: str = _RESTORE, kind: ProblemKind = ProblemKind.CHANGED) -> None:
        super().__init__(fault)
        self.advice = advice
        self.kind = kind


def fault_of(destination: Destination, extract: SourceExtract) -> FileChanged | None:
    """Return why the file of an extract cannot be applied, judged by name and size only; None if it can. Blocks."""
    assert extract.path is not None
    if not extract.path.endswith((".zip", ".csv")):
        command = forced_pull(PullOptions(wanted=Wanted.ALL, data_set=(extract.identity.plugin_id,)))
        advice = f"publish with `publish_as='zip'` from now on, and fetch it again with `{command}`"
        return FileChanged("is Parquet, and a mirror reads zips and CSVs only", advice)
    try:
        size = destination.size(extract.path)
    except DestinationError as error:
        if isinstance(error.__cause__, PermissionError):
            return _unread(error.__cause__)
        raise
    if size is None:
        return _unread(FileNotFoundError())
    if extract.bytes is not None and size != extract.bytes:
        return FileChanged(f"has {size} bytes, the ledger says {extract.bytes}")
    return None


def _unread(error: OSError) -> FileChanged:
    """Return the fault of a file that cannot be opened or read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return FileChanged("is gone", kind=ProblemKind.MISSING)
    advice = _ALLOW if isinstance(error, PermissionError) else _RESTORE
    return FileChanged(f"cannot be read ({reason(error)})", advice)


def _unusable(error: Exception) -> Exception | None:
    if isinstance(error, OSError):
        return machine_limit(error) or _unread(error)
    return FileChanged(f"is damaged: {str(error).rstrip('.')}") if isinstance(error, ExtractError) else None


_reading = Translating(_unusable)


@contextmanager
def csv_blocks(destination: Destination, extract: SourceExtract) -> Iterator[Iterator[bytes]]:
    """Open the file of an extract and yield the blocks of its CSV. Blocks while reading.

    The CRC-32 and the SHA-256 are checked after the last block. Raises FileChanged.
    """
    assert extract.path is not None
    try:
        with destination.local(extract.path) as path, _reading, path.open("rb") as file:
            reader = _Hashing(file.fileno(), extract.sha256)
            if PublishAs.of(extract.path) is PublishAs.CSV:
                yield reader.all()
                return
            members = members_of(file, os.fstat(file.fileno()).st_size)
            tables = [each for each in members if each.is_csv]
            if len(tables) != 1:
                raise FileChanged(f"holds {'several CSVs' if tables else 'no CSV'}", INSPECT)
            yield reader.member(tables[0])
    except DestinationError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise _unread(error.__cause__) from None
        raise


class _Hashing:
    """Reads a file once from its beginning, and compares its SHA-256 with the expected one, if known."""

    def __init__(self, descriptor: int, expected: str | None) -> None:
        self._descriptor = descriptor
        self._expected = expected
        self._digest = hashlib.sha256()
        self._position = 0

    def all(self) -> Iterator[bytes]:
        """Read the whole file in blocks; raises FileChanged if its SHA-256 differs."""
        with _reading:
            yield from self._until(None)
            self._check()

    def member(self, member: Member) -> Iterator[bytes]:
        """Read the contents of a zip's member in blocks; raises FileChanged if it is damaged or the SHA-256 differs."""
        with _reading:
            self._skip(member.start)
            yield from contents(member, self._until(member.stop))
            self._skip(None)
            self._check()

    def _skip(self, stop: int | None) -> None:
        for _ in self._until(stop):
            pass

    def _until(self, stop: int | None) -> Iterator[bytes]:
        while stop is None or self._position < stop:
            wanted = BLOCK if stop is None else min(BLOCK, stop - self._position)
            os.lseek(self._descriptor, self._position, os.SEEK_SET)
            block = os.read(self._descriptor, wanted)
            if not block:
                return
            self._position += len(block)
            self._digest.update(block)
            yield block

    def _check(self) -> None:
        if self._expected is not None and self._digest.hexdigest() != self._expected:
            raise FileChanged("is not the file that was published: its SHA-256 differs from the ledger's")
