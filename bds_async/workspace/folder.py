"""The destination folder: where its parts lie, making it, its free space, its lock, and what its faults mean."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ..errors import DestinationError, FolderBusy
from ..support import durable

#: Name of the folder, inside the destination, for everything that is not an extract.
STATE = ".bds-async"

_FULL = "is full: make room"
_READ_ONLY = "cannot be written: change its permissions or mount it read-write"
_GONE = "is gone: mount or create it again"
_NO_FOLDER = "is not a folder, or has a file where a folder belongs: choose another --to"
_SEVERAL_DISKS = "spans several file systems: let it be one, since a file is published by renaming it"
_TOO_LARGE = "takes no files of that size: choose a --to on another file system"
_MEANING = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.ENOENT: _GONE,
    errno.ENODEV: _GONE,
    errno.ESTALE: _GONE,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: _NO_FOLDER,
    errno.EXDEV: _SEVERAL_DISKS,
    errno.EFBIG: _TOO_LARGE,
}


def state_folder(folder: Path) -> Path:
    """`DIR/.bds-async`, for the program and its user alone (0700)."""
    return folder / STATE


def partial_folder(folder: Path) -> Path:
    """Where extracts wait until they are whole and verified."""
    return state_folder(folder) / "partial"


def ledger_path(folder: Path) -> Path:
    """The database of what has been delivered."""
    return state_folder(folder) / "ledger.sqlite3"


def lock_path(folder: Path) -> Path:
    """The file whose lock lets one run in."""
    return state_folder(folder) / "lock"


def prepare(folder: Path) -> None:
    """Make the destination, its `.bds-async` (0700) and the place for partial files; raises DestinationError."""
    with writing_to(folder):
        make_folders(folder)
        _make_private(state_folder(folder))
        make_folders(partial_folder(folder))


def _make_private(state: Path) -> None:
    state.mkdir(mode=0o700, exist_ok=True)
    if sys.platform != "win32" and state.stat().st_mode & 0o077:
        # Network and FAT file systems keep no modes; that is no reason to stop.
        with contextlib.suppress(PermissionError):
            state.chmod(0o700)


def make_folders(path: Path) -> None:
    """Make a folder and its missing parents, each of them durable; raises OSError."""
    missing = list(itertools.takewhile(lambda each: not each.is_dir(), (path, *path.parents)))
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        durable.fsync_folder(each.parent)


def free_space(path: Path) -> int:
    """Bytes that this user may still write at `path`, which need not be there yet; raises DestinationError."""
    with writing_to(path):
        existing = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
        return shutil.disk_usage(existing).free


def ensure_room(path: Path, wanted: int, what: object) -> None:
    """Raise DestinationError if there are fewer than `wanted` bytes free at `path`, where `what` is to be written."""
    if wanted > (free := free_space(path)):
        text = f"No room for {what}: {wanted} bytes are wanted, {free} are free in {_destination(path)}"
        raise DestinationError(f"{text}; make room, then run again.")


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an OSError of the file work inside into a DestinationError that says what to do.

    `folder` is the destination or any place in its `.bds-async`.
    """
    try:
        yield
    except OSError as error:
        meaning = _MEANING.get(error.errno or 0, f"cannot be used ({error.strerror or error}): see to the disk")
        raise DestinationError(
            f"The folder {_at_fault(folder, error)} {meaning}, then run the command again."
        ) from error


def _at_fault(folder: Path, error: OSError) -> Path:
    """The destination, or the folder of a data set in it that alone cannot be written."""
    destination, named = _destination(folder), error.filename2 or error.filename
    if error.errno not in (errno.EACCES, errno.EPERM) or not isinstance(named, str | bytes):
        return destination
    place = Path(os.fsdecode(named)).parent
    return place if destination in place.parents and STATE not in place.parts else destination


def _destination(folder: Path) -> Path:
    return next((each.parent for each in (folder, *folder.parents) if each.name == STATE), folder)


class FolderLock:
    """One run at a time for a folder; a lock that a killed run left behind does not count.

    To be used with `with`, after `prepare`. Taken without waiting: FolderBusy if another run, of this process or
    another, holds it. It may be freed in another thread than it was taken in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(lock_path(folder), thread_local=False)

    def acquire(self) -> None:
        """Take the lock; raises FolderBusy or DestinationError."""
        with writing_to(self._folder):
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                text = f"Another run holds {self._folder}: wait for it, or choose another --to."
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
