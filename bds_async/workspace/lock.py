"""The lock of a state folder: one run at a time."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ..errors import DestinationError, FolderBusy
from ..support.file_locks import CannotLock, file_lock
from ..support.os_errors import cause
from ..support.own_files import NotOurs
from .faults import writing_to
from .workspace import Workspace


def cannot_lock(workspace: Workspace, error: OSError) -> DestinationError:
    """The error for a state folder on a file system that refuses locks."""
    return DestinationError(
        f"The state folder {workspace.state} can't be locked ({error.strerror}): "
        "keep it on a local disk with `state=DIR`."
    )


class FolderLock:
    """Allows one run at a time for a workspace; the lock of a killed run is released.

    Use it with `with`, after `prepare`. It is taken without waiting: raises FolderBusy if another run, of this or
    another process, holds it. Any thread may release it.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock: FileLock | None = None

    def acquire(self) -> None:
        """Take the lock; raises FolderBusy or DestinationError."""
        with writing_to(self._workspace.state):
            try:
                lock = file_lock(self._workspace.lock)
                lock.acquire(timeout=0)
            except Timeout:
                text = f"Another run holds {self._workspace.to}: wait for it, or choose another `to`."
                raise FolderBusy(text) from None
            except CannotLock as error:
                raise cannot_lock(self._workspace, error) from None
            except NotOurs as error:
                raise DestinationError(f"{cause(error)}, then run the command again.") from None
            self._lock = lock

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
