"""Reading and writing the program's own small files, which must be regular files: other kinds can block or mislead."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from . import durable


class NotOurs(OSError):
    """A file that this program did not write: a link, a pipe, a folder, or a file that is too long."""


def read_own(path: Path, longest: int) -> bytes:
    """Read a regular file of at most `longest` bytes, without following a link and without blocking.

    Raises FileNotFoundError, NotOurs, or another OSError.
    """
    if path.is_symlink():
        raise NotOurs(errno.ELOOP, "it is a symbolic link", str(path))
    descriptor = os.open(path, os.O_RDONLY | _flag("O_NONBLOCK") | _flag("O_NOFOLLOW") | _flag("O_BINARY"))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotOurs(errno.EINVAL, "it is no regular file", str(path))
        content = _read(descriptor, longest + 1)
    finally:
        os.close(descriptor)
    if len(content) > longest:
        raise NotOurs(errno.EFBIG, f"it is longer than {longest} bytes", str(path))
    return content


def check_own(path: Path) -> None:
    """Raise NotOurs if `path` exists and is not a regular file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
        raise NotOurs(errno.EINVAL, f"it is {what}", str(path))


def write_own(path: Path, content: bytes, like: Path) -> None:
    """Write a file atomically, with the owner of `like`; raises NotOurs as `check_own` does, or another OSError."""
    check_own(path)
    durable.write_atomically(path, content)
    durable.keep_owner(path, like)


def _flag(name: str) -> int:
    return int(getattr(os, name, 0))


def _read(descriptor: int, length: int) -> bytes:
    content = bytearray()
    while len(content) < length and (block := os.read(descriptor, length - len(content))):
        content += block
    return bytes(content)
