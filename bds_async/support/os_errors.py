"""The causes of failed file operations in plain words, by errno."""

from __future__ import annotations

import errno

from .own_files import NotOurs

_NOT_WRITABLE = "it can't be written there"
_FULL = "there is no space left"
_NO_FOLDER = "its folder doesn't exist"
_CAUSES = {
    errno.EROFS: "the file system is read-only",
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EBUSY: "it is mounted as a single file, which can't be replaced (mount its folder instead)",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.ENOENT: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EISDIR: "it is a folder",
}


def cause(error: OSError) -> str:
    """Why a file could not be written, as part of a sentence without a full stop."""
    if isinstance(error, NotOurs):
        return f"{error.filename} is not a file of bds-async ({error.strerror}); remove it"
    return _CAUSES.get(error.errno or 0, error.strerror or type(error).__name__)
