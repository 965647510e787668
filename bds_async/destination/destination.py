"""The seam between a run and the place where extracts land."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Destination(Protocol):
    """A place for published files. `path` is relative, with `/`, as the ledger holds it.

    Every call blocks, so it is made in a thread, and may raise DestinationError.
    """

    def prepare(self) -> None:
        """Make the destination ready for a run that holds the lock, so that it exists."""
        ...

    def size(self, path: str) -> int | None:
        """Length in bytes of a published file; None if it is not there."""
        ...

    def check_place(self, path: str) -> None:
        """Raise ExtractError if nothing can be published under that path, because something else is in its place."""
        ...

    def place(self, staged: Path, path: str) -> None:
        """Publish the whole local file `staged`, replacing what is there; `staged` may be gone afterwards.

        The file appears under `path` only when it is complete. It is durable after `sync`. Placing the same file again
        is harmless.
        """
        ...

    def finish_placing(self, staged: Path, path: str) -> None:
        """Finish a `place` that a kill interrupted after it had removed the staged file; nothing if there is none."""
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
