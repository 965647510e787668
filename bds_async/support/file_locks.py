"""Lock files: locks of the operating system, which end with their holder. Nothing stands in for them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from .own_files import check_own

if sys.platform != "win32":
    import fcntl


class CannotLock(OSError):
    """The file system of a lock file refuses locks."""


def file_lock(path: Path) -> FileLock:
    """The lock at `path`, not yet taken; it can be released by another thread than the one that takes it.

    Raises CannotLock: FileLock would fall back to a marker file, which outlives a killed holder. Raises NotOurs if
    there is something at `path` that is no regular file.
    """
    check_own(path)
    if (refusal := lock_file_refusal(path.parent)) is not None:
        raise CannotLock(refusal.errno, f"its file system refuses locks: {refusal.strerror}", str(path))
    return FileLock(path, mode=0o600, thread_local=False)


def lock_file_refusal(folder: Path) -> OSError | None:
    """Why a new file in `folder` can't be locked; None if it can, or if that cannot be tried.

    The file has no name, so that a killed process leaves nothing behind. It cannot be tried if no file can be made
    there, and on Windows.
    """
    if sys.platform == "win32":
        return None
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".bds-async-lock-") as probe:
            return _refusal_of(probe.fileno())
    except OSError:
        return None


def _refusal_of(descriptor: int) -> OSError | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error
    return None
