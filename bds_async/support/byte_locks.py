"""Whether a file system grants byte-range locks, which SQLite needs (`fcntl`, POSIX)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

if sys.platform != "win32":
    import fcntl

#: The offset of the bytes that SQLite locks.
SQLITE_OFFSET = 0x40000000


def lock_refusal(folder: Path) -> OSError | None:
    """Why no byte-range lock is granted on a new file in `folder`; None if one is, or if that cannot be tried.

    The file is removed again. No other program can hold its lock, so that a refusal is the file system's. It cannot be
    tried where no file can be made, and on Windows.
    """
    if sys.platform == "win32":
        return None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".bds-async-lock-") as probe:
            return _refusal_of(probe.fileno())
    except OSError:
        return None


def _refusal_of(descriptor: int) -> OSError | None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, SQLITE_OFFSET)
    except OSError as error:
        return error
    return None
