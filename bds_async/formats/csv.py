"""CSV: the only member of a zip, unzipped and checked in one pass."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import DestinationError, UnusableArchive
from ..events import Phase
from ..options import PublishAs, Verify
from ..planning import Step
from ..support.prefix import Prefix
from ..workspace import free_space, writing_to
from .csv_header import HeaderReader, columns_of
from .format import Staged
from .inflate import contents
from .pins import AllColumns, ColumnPins
from .projection import project
from .reading import Checked, HashingReader, Watch, measure, unwatched
from .zip_members import Member, members_of


class CsvFormat:
    """The CSV inside the zip, with the columns that `pins` choose; see Format."""

    kind = PublishAs.CSV
    is_proof = False
    reads_in_order = False
    staging = Phase.VERIFYING

    def __init__(self, pins: ColumnPins | None = None) -> None:
        self._pins = pins or AllColumns()
        self.is_ordered = self._pins.are_ordered

    def stage(self, step: Step, zipped: Path, prefix: Prefix, verify: Verify, watch: Watch = unwatched) -> Staged:  # noqa: ARG002
        """Unzip the CSV to a file beside the zip; its CRC-32 is always checked."""
        target = zipped.with_suffix(self.kind.suffix)
        unzip = partial(unzip_csv, zipped, target, free_space=free_space(target.parent), watch=watch)
        chosen = self._pins.unzipped(step.folder, step.extract.identity, lambda wanted: unzip(wanted=wanted))
        return Staged(target, chosen)

    def check(self, path: Path, verify: Verify, watch: Watch = unwatched) -> Checked:  # noqa: ARG002
        """Measure a published CSV; nothing in it proves that it is whole."""
        return replace(measure(path, watch), columns=_header(path))


def _header(path: Path) -> tuple[str, ...] | None:
    with writing_to(path.parent):
        return columns_of(path)


def unzip_csv(
    zip_path: Path,
    target: Path,
    *,
    free_space: int | None,
    watch: Watch = unwatched,
    wanted: Sequence[str] | None = None,
) -> Checked:
    """Write the only member of a zip to `target`, and check it meanwhile.

    `wanted` are the columns to write, in that order; None writes all. The result describes `target`, except `columns`,
    which are those of the member. At most `free_space` bytes, and no more than the zip's directory declares, are
    written. Raises VerificationError, UnusableArchive, or DestinationError for a disk fault; then no target is left.
    """
    with writing_to(target.parent), only_csv(zip_path, free_space=free_space, watch=watch) as csv_blocks:
        header = HeaderReader()
        blocks = header.tapping(csv_blocks)
        try:
            length, sha256 = _write(blocks if wanted is None else _projected(blocks, wanted), target)
            return Checked(length, sha256, header.columns())
        except BaseException:
            target.unlink(missing_ok=True)
            raise


@contextmanager
def only_csv(zip_path: Path, *, free_space: int | None, watch: Watch = unwatched) -> Iterator[Iterator[bytes]]:
    """Yield the contents of the only member of a zip, in blocks; the CRC-32 is checked after the last block.

    Raises VerificationError, UnusableArchive, OSError; DestinationError for contents of more than `free_space` bytes.
    """
    with zip_path.open("rb") as file:
        member = _only_member(members_of(file, os.fstat(file.fileno()).st_size))
        if free_space is not None and member.size > free_space:
            text = f"The member {member} of the zip would inflate to {member.size} bytes; {free_space} are free"
            raise DestinationError(f"{text}: make room, then run again. The download is kept.")
        reader = HashingReader(file, Prefix.unwanted(), member.start, watch=watch)
        yield contents(member, reader.blocks(member.stop))


def _projected(blocks: Iterator[bytes], wanted: Sequence[str]) -> Iterator[bytes]:
    """Yield the wanted columns. If the CRC-32 at the end is wrong, an irregular CSV is reported as damage."""
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
