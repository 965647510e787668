"""The lock of a state folder: one run at a time."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ..errors import FolderBusy
from .faults import writing_to
from .workspace import Workspace


class FolderLock:
    """One run at a time for a workspace; the lock of a killed run is free again.

    To be used with `with`, after `prepare`. Taken without waiting: FolderBusy if another run, of this process or
    another, holds it. It may be freed in another thread than it was taken in.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = FileLock(workspace.lock, thread_local=False)

    def acquire(self) -> None:
        """Take the lock; raises FolderBusy or DestinationError."""
        with writing_to(self._workspace.state):
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                text = f"Another run holds {self._workspace.to}: wait for it, or choose another --to."
                raise FolderBusy(text) from None

    def release(self) -> None:
        """Free the lock; nothing happens if it is not held."""
        self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
