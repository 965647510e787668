"""The meaning of failed file operations in plain words, by errno, for a single file and for a folder."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from .own_files import NotOurs


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an errno means for a file to be written, and for a folder to be used, as parts of sentences."""

    of_file: str
    of_folder: str


_FULL = Meaning("there is no space left", "is full: make room")
_DENIED = Meaning("it can't be written there", "cannot be written: change its permissions or mount it read-write")
_READ_ONLY = Meaning("the file system is read-only", _DENIED.of_folder)
_BUSY = Meaning(
    "it is mounted as a single file, which can't be replaced (mount its folder instead)", "is busy: free it"
)
_GONE = Meaning("its folder doesn't exist", "is gone, or can't be made there: mount it, or choose another `to`")
_NO_FOLDER = Meaning(
    "its folder doesn't exist", "is not a folder, or has a file where a folder belongs: choose another `to`"
)
_IS_FOLDER = Meaning("it is a folder", _NO_FOLDER.of_folder)
_SEVERAL_DISKS = Meaning(
    "its folder spans several file systems",
    "spans several file systems: let it be one, since a file is published by renaming it",
)
_TOO_LARGE = Meaning(_FULL.of_file, "takes no files of that size: choose a `to` on another file system")
_MEANINGS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _TOO_LARGE,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EBUSY: _BUSY,
    errno.ENOENT: _GONE,
    errno.ENODEV: _GONE,
    errno.ESTALE: _GONE,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: _IS_FOLDER,
    errno.EXDEV: _SEVERAL_DISKS,
}


def cause(error: OSError) -> str:
    """Why a file could not be written, as part of a sentence without a full stop."""
    if isinstance(error, NotOurs):
        return f"{error.filename} is not a file of bds-async ({error.strerror}); remove it"
    known = _MEANINGS.get(error.errno or 0)
    return known.of_file if known is not None else error.strerror or type(error).__name__


def folder_fault(error: OSError) -> str:
    """What is wrong with a folder and what to do, as a predicate without a full stop."""
    known = _MEANINGS.get(error.errno or 0)
    return known.of_folder if known is not None else f"cannot be used ({error.strerror or error}): check the disk"


def reason(error: OSError) -> str:
    """The system's text of an error, without the addresses and numbers that asyncio adds."""
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
