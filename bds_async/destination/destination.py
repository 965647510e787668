"""The interface between a run and the place where it publishes extracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from ..workspace import STATE

#: Length in bytes of a published file; None if it is not there.
Size: TypeAlias = Callable[[str], int | None]
#: The prefix of the names of files that workers of a cluster have brought; each run has its own room for them.
ROOMS = f"{STATE}-tmp"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The length of a published file and its SHA-256 in hexadecimal digits (None if it is not recorded)."""

    bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Brought:
    """A whole file that a worker has brought to the destination, without its final name.

    `name` is relative, with `/`, like a path. On S3, `upload` is the id of an upload that is not completed yet, and
    `parts` are the entity tag and the SHA-256 (base64) of each part.
    """

    name: str
    upload: str = ""
    parts: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Destination(Protocol):
    """A place for published files. `path` is relative, with `/`, as in the ledger.

    Every call blocks, so make it in a thread. It may raise DestinationError, and Stopped if the run is stopped.
    `lanes` is how many files are placed at the same time, each by a separate call; 1 if they are placed in groups.
    """

    lanes: int

    def prepare(self, *, is_used: bool = False) -> None:
        """Create the destination if it is missing; the caller holds the lock.

        If something was delivered to it before (`is_used`), raise DestinationError if it is missing.
        """
        ...

    def size(self, path: str) -> int | None:
        """Length in bytes of a published file; None if it is not there."""
        ...

    def sizes(self) -> Size:
        """A function like `size`, for many files: it may answer from one snapshot."""
        ...

    def check_place(self, path: str) -> bool:
        """Whether a file is at the path that placing would replace; False for an object store, which is not asked.

        Raises ExtractError if something else occupies the path, so that nothing can be published there.
        """
        ...

    def set_aside(self, path: str, wanted: Recorded) -> str | None:
        """Rename a file that is not the `wanted` one; return its new path, None if there is no such file."""
        ...

    def place(self, staged: Path, path: str, sha256: str | None = None) -> None:
        """Publish the whole local file `staged`, replacing any existing file; `staged` may be gone afterwards.

        `sha256` is that of the file, for a destination that records it. The file appears under `path` only when it is
        complete, and is durable after `sync`. Placing the same file again is harmless.
        """
        ...

    def finish_placing(self, staged: Path, path: str) -> None:
        """Finish a `place` that was killed after it had removed the staged file; do nothing if there is none."""
        ...

    def open_room(self, room: str) -> None:
        """Allow the workers of a run to bring files from now on; `room` is the name of the run."""
        ...

    def has_room(self, room: str) -> bool:
        """Whether this machine can bring files: it sees the room of that run, if rooms are visible."""
        ...

    def close_room(self, room: str) -> None:
        """Stop workers from bringing files, if nothing that they brought is left."""
        ...

    def bring(self, staged: Path, path: str, sha256: str, room: str) -> Brought:
        """Move the whole local file `staged` of a worker to the destination; only `name_brought` is left to do.

        Only machines that work for the run of `room` may call it; any number of them may do so for one `path`.
        """
        ...

    def check_brought(self, brought: Brought, length: int) -> None:
        """Raise ExtractError if the file is visibly missing or incomplete."""
        ...

    def name_brought(self, brought: Brought, path: str, wanted: Recorded) -> None:
        """Publish a file that a worker has brought; `wanted` are its length and SHA-256."""
        ...

    def finish_naming(self, name: str, path: str, wanted: Recorded) -> bool:
        """Finish a `name_brought` that was killed; False if the file has to be fetched again."""
        ...

    def drop_unfinished(self) -> None:
        """Remove half-done results of interrupted placings that only a new placing could use."""
        ...

    def recorded(self, path: str) -> Recorded | None:
        """The recorded facts of a published file, without reading it; None if the destination records none."""
        ...

    def clean(self) -> None:
        """Remove what killed runs left behind; call it once every placing is finished."""
        ...

    def sync(self, paths: Sequence[str]) -> None:
        """Make placed files durable: from now on they survive a power cut."""
        ...

    def local(self, path: str) -> AbstractContextManager[Path]:
        """The published file as a local file for reading: itself, or a temporary copy.

        Raises DestinationError with a FileNotFoundError as its cause if it is not there.
        """
        ...

    def modified(self, path: str) -> float | None:
        """When a published file was written, in seconds since 1970; None if it is not there."""
        ...

    def paths(self, below: str = "") -> Iterator[str]:
        """The path of every file below a folder, whether in the ledger or not, except those in the state folder.

        Yields nothing if the folder, or the destination itself, is not there.
        """
        ...

    def demand(self) -> None:
        """Raise DestinationError if the destination is not there: an unmounted disk must not look like an empty one."""
        ...
