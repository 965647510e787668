"""The seam between a run and the place where extracts land."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from ..workspace import STATE

#: Length in bytes of a published file; None if it is not there.
Size: TypeAlias = Callable[[str], int | None]
#: How the names begin of what workers of a cluster have brought; each run has a room of its own for it.
ROOMS = f"{STATE}-tmp"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The length of a published file and its SHA-256 in hexadecimal digits, None if it is not recorded."""

    bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Brought:
    """A whole file that a worker has brought to the destination, without its final name.

    `name` is relative, with `/`, as a path is. On S3 `upload` is the id of an upload that is not completed, and `parts`
    are the entity tag and the SHA-256 (base64) of each part.
    """

    name: str
    upload: str = ""
    parts: tuple[tuple[str, str], ...] = field(default=(), repr=False)


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

    def open_room(self, room: str) -> None:
        """Let the workers of a run bring files from now on; `room` is the name of the run."""
        ...

    def has_room(self, room: str) -> bool:
        """Whether this machine may bring files: it sees the room of that run, where that is to be seen."""
        ...

    def close_room(self, room: str) -> None:
        """Let no worker bring files any more, where nothing that was brought is left."""
        ...

    def bring(self, staged: Path, path: str, sha256: str, room: str) -> Brought:
        """Bring the whole local file `staged` of a worker, which is gone then; `name_brought` is all that is missing.

        Only a machine that works for the run of `room` may call it, and any number of them for one `path`.
        """
        ...

    def check_brought(self, brought: Brought, length: int) -> None:
        """Raise ExtractError where it is to be seen that nothing is there, or not the whole."""
        ...

    def name_brought(self, brought: Brought, path: str, wanted: Recorded) -> None:
        """Publish what a worker has brought, which is `wanted`."""
        ...

    def finish_naming(self, name: str, path: str, wanted: Recorded) -> bool:
        """Finish a `name_brought` that a kill interrupted; False if the file has to be fetched again."""
        ...

    def drop_unfinished(self) -> None:
        """Remove what interrupted placings left half done, where nothing but a new placing uses it."""
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
