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
    """Why the file system refuses a byte-range lock on a new file in `folder`; None if it grants one, or is not tested.

    The file is removed again. No other program can hold a lock on it, so a refusal comes from the file system. There is
    no test on Windows, or if no file can be created.
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
