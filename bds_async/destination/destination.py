"""The seam between a run and the place where extracts land."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

#: Length in bytes of a published file; None if it is not there.
Size: TypeAlias = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The length of a published file and its SHA-256 in hexadecimal digits, None if it is not recorded."""

    bytes: int
    sha256: str | None


class Destination(Protocol):
    """A place for published files. `path` is relative, with `/`, as the ledger holds it.

    Every call blocks, so it is made in a thread, and may raise DestinationError, or Stopped where a run waits for it.
    `lanes` is how many files are placed at the same time, each by a call of its own; 1 if they are placed in groups.
    """

    lanes: int

    def prepare(self, *, is_used: bool = False) -> None:
        """Make the destination ready for a run that holds the lock, so that it exists.

        If something was delivered to it (`is_used`), raise DestinationError where it is not there.
        """
        ...

    def size(self, path: str) -> int | None:
        """Length in bytes of a published file; None if it is not there."""
        ...

    def sizes(self) -> Size:
        """A function like `size`, for many files: it may answer all of them from one moment."""
        ...

    def check_place(self, path: str) -> None:
        """Raise ExtractError if nothing can be published under that path, because something else is in its place."""
        ...

    def place(self, staged: Path, path: str, sha256: str | None = None) -> None:
        """Publish the whole local file `staged`, replacing what is there; `staged` may be gone afterwards.

        `sha256` is that of the file, for a destination that records it. The file appears under `path` only when it is
        complete. It is durable after `sync`. Placing the same file again is harmless.
        """
        ...

    def finish_placing(self, staged: Path, path: str) -> None:
        """Finish a `place` that a kill interrupted after it had removed the staged file; nothing if there is none."""
        ...

    def bring(self, staged: Path) -> bool:
        """Bring the whole local file `staged` of a worker to where `name_copy` finds it, by the name of that file.

        False if nothing is brought, since only the machine that has the file can place it.
        """
        ...

    def brought(self, staged: Path) -> int | None:
        """Length in bytes of what a worker has brought under the name of `staged`; None if nothing of it is there."""
        ...

    def name_copy(self, staged: Path, path: str) -> None:
        """Publish what a worker has brought under the name of `staged`; raises DestinationError if it is gone."""
        ...

    def drop_unfinished(self, paths: Sequence[str]) -> None:
        """Remove what interrupted placings of these files left half done, where nothing but a new placing uses it."""
        ...

    def recorded(self, path: str) -> Recorded | None:
        """What the destination has recorded of a published file, without reading it; None if it records nothing."""
        ...

    def clean(self) -> None:
        """Remove what killed runs left, once every placing is finished."""
        ...

    def sync(self, paths: Sequence[str]) -> None:
        """Make placed files durable: from then on they outlive a power cut."""
        ...

    def local(self, path: str) -> AbstractContextManager[Path]:
        """The published file as a local file for reading: itself, or a temporary copy.

        DestinationError with a FileNotFoundError as its cause if it is not there.
        """
        ...

    def modified(self, path: str) -> float | None:
        """When a published file was written, in seconds since 1970; None if it is not there."""
        ...

    def paths(self, below: str = "") -> Iterator[str]:
        """The path of every file below a folder, whether the ledger knows it or not, without the state folder.

        Nothing where the folder, or the destination itself, is not there.
        """
        ...

    def demand(self) -> None:
        """Raise DestinationError if the destination is not there: an unmounted disk must not look like an empty one."""
        ...
