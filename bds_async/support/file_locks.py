"""Lock files: locks of the operating system, which end with their holder. There is no substitute for them."""

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
    """The lock at `path`, not yet taken; any thread can release it, not only the one that took it.

    Raises CannotLock if the file system refuses locks: FileLock would fall back to a marker file, which outlives a
    killed holder. Raises NotOurs if `path` exists and is not a regular file.
    """
    check_own(path)
    if (refusal := lock_file_refusal(path.parent)) is not None:
        raise CannotLock(refusal.errno, f"its file system refuses locks: {refusal.strerror}", str(path))
    return FileLock(path, mode=0o600, thread_local=False)


def lock_file_refusal(folder: Path) -> OSError | None:
    """Why a new file in `folder` can't be locked; None if it can, or is not tested.

    The file has no name, so a killed process leaves nothing behind. There is no test on Windows, or if no file can be
    created there.
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
