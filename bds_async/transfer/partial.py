"""The partial file of one extract, and the ranges that it holds.

There are two files in the state folder's `partial`: `<key>.part` holds the bytes at their final offsets, and
`<key>.ranges` lists the written blocks. A block is recorded after it is written, so a kill loses at most the blocks
under way. After a power cut a recorded block may be damaged; the verification of the whole file finds that.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from ..models import Identity
from ..support.prefix import Prefix
from ..workspace import Workspace, writing_to
from ..workspace.file_names import identity_digest
from .held_ranges import HeldRanges
from .ranges import Range
from .writer import Writer

_KEY_LENGTH = 32
_NO_RECORD = (FileNotFoundError, ValueError, RecursionError)
_SUFFIXES = (".ranges", ".part", ".csv", ".parquet", ".plain")
#: Suffixes of files made from a whole zip.
_STAGED = (".csv", ".parquet")
_OURS = re.compile(r"([0-9a-f]{32})(\.ranges|\.part|\.csv|\.parquet|\.plain)")


def key_of(identity: Identity) -> str:
    """The name, without suffix, of the files of an unfinished extract: 32 hexadecimal digits."""
    return identity_digest(identity)[:_KEY_LENGTH]


def is_strong(validator: str | None) -> bool:
    """Whether a validator proves two bodies equal byte by byte (RFC 9110 section 8.8.1)."""
    return validator is not None and not validator.startswith("W/")


class Partial:
    """The bytes of one extract that have arrived. Only one run and one event loop use it at a time.

    `path` is the file of the bytes, which becomes the published zip; `generation` grows with each `begin`.
    """

    def __init__(self, workspace: Workspace, identity: Identity, *, is_new: bool = False) -> None:
        self.key = key_of(identity)
        self.path = workspace.partials / f"{self.key}.part"
        self.generation = 0
        self._record_path = self.path.with_suffix(".ranges")
        self._ranges = HeldRanges(self._record_path, None, None)
        #: Whether it has no files yet, so that `begin` has nothing to remove.
        self._is_new = is_new

    @classmethod
    def load_all(cls, workspace: Workspace, identities: Sequence[Identity]) -> list[Self]:
        """Do what `load` does for several extracts, but list the folder only once.

        No two of the identities may be equal.
        """
        with writing_to(workspace.state):
            keys = {path.stem for path in workspace.partials.iterdir()} if identities else ()
        return [
            cls.load(workspace, identity) if key_of(identity) in keys else cls(workspace, identity, is_new=True)
            for identity in identities
        ]

    @classmethod
    def load(cls, workspace: Workspace, identity: Identity) -> Self:
        """Load the partial file that an earlier run left of an extract.

        It is empty if nothing is left, if it has no strong validator, or if file and record disagree; call `begin` next
        then. Raises DestinationError.
        """
        partial = cls(workspace, identity)
        with writing_to(partial.path), contextlib.suppress(*_NO_RECORD):
            ranges = HeldRanges.read(partial._record_path)
            bounds = (partial.path.stat().st_size, ranges.end if ranges.total is None else ranges.total)
            if is_strong(ranges.validator) and ranges.end <= min(bounds):
                partial._ranges = ranges
        return partial

    def begin(self, validator: str | None, total: int | None) -> None:
        """Start a new generation from nothing. Writers of the former one raise Superseded from now on.

        Raises DestinationError.
        """
        self._start_over(validator, total)
        with writing_to(self.path):
            if not self._is_new:
                _remove(self._record_path)
                # Create a new file, so that a late write of the former generation does not reach it.
                _remove(self.path)
            self._is_new = False
            self.path.write_bytes(b"")

    def hand_over(self) -> None:
        """Forget the files, which are published and moved away; writers raise Superseded from now on."""
        self._start_over(None, None)

    def discard(self) -> None:
        """Remove all files of the extract; raises DestinationError."""
        self._start_over(None, None)
        with writing_to(self.path):
            clear_away(self.path)

    def _start_over(self, validator: str | None, total: int | None) -> None:
        self.generation += 1
        self._ranges.close()
        self._ranges = HeldRanges(self._record_path, validator, total)

    async def open_writer(self, start: int) -> Writer:
        """Open a writer at the byte `start`, after `begin` or a `load` that found bytes; raises DestinationError."""
        return Writer(self.path, start, self._ranges)

    @property
    def prefix(self) -> Prefix:
        """The digest of the bytes that this run wrote in order, from the first byte on."""
        return self._ranges.prefix

    @property
    def validator(self) -> str | None:
        """The strong validator of the bytes, if any."""
        return self._ranges.validator

    @property
    def total(self) -> int | None:
        """Length of the whole in bytes, None while unknown. It can be set, for this run, once it is known."""
        return self._ranges.total

    @total.setter
    def total(self, total: int) -> None:
        """Set the length, for this run."""
        self._ranges.total = total

    def held(self) -> list[Range]:
        """The ranges that are there, sorted; they neither overlap nor touch."""
        return self._ranges.all()

    def gaps(self, total: int) -> list[Range]:
        """The missing ranges of the bytes from 0 to `total`, sorted."""
        return self._ranges.gaps(total)

    @property
    def held_bytes(self) -> int:
        """How many bytes are there."""
        return sum(stop - start for start, stop in self.held())

    @property
    def is_whole(self) -> bool:
        """Whether the total is known and every byte is there."""
        return self.total is not None and not self.gaps(self.total)


def clear_away(*staged: Path) -> None:
    """Remove partial files, and the other files of the same extracts beside them; raises OSError."""
    keys = {path.stem for path in staged}
    for folder in {path.parent for path in staged}:
        # The staged name of a file that a worker brought may be in a folder that is not on this machine.
        for name in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208 - names alone are faster
            key, dot, end = name.partition(".")
            if key in keys and dot + end in _SUFFIXES:
                _remove(folder / name)


def sweep(workspace: Workspace, keep: Iterable[Identity]) -> int:
    """Remove the files that earlier runs left of extracts not in `keep`.

    Only the program's own files are removed. Returns their number; raises DestinationError.
    """
    found = [(path, match[1]) for path in workspace.partials.glob("*") if (match := _OURS.fullmatch(path.name))]
    keys = frozenset(map(key_of, keep)) if found else frozenset()
    strays = [path for path, key in found if key not in keys]
    with writing_to(workspace.state):
        for path in strays:
            _remove(path)
    return len(strays)


def drop_unzipped(workspace: Workspace) -> None:
    """Remove files that earlier runs made from zips but did not publish: the zips are there, and space is needed.

    Raises OSError.
    """
    for path in workspace.partials.glob("*"):
        if path.suffix in _STAGED and _OURS.fullmatch(path.name):
            _remove(path)


def _remove(path: Path) -> None:
    # Windows does not remove a file that is open: `begin` empties it then, `sweep` removes it in a later run.
    with contextlib.suppress(PermissionError):
        path.unlink(missing_ok=True)
