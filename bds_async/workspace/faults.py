"""The meaning of a disk's faults: an OSError becomes an error that says what to do."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import DestinationError
from ..support.limits import machine_limit

#: Name of the state folder inside a local destination.
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


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an OSError of the file work inside into a DestinationError that says what to do.

    `folder` is the destination, the state folder, or a place in either.
    """
    try:
        yield
    except OSError as error:
        if (limit := machine_limit(error)) is not None:
            raise limit from None
        meaning = _MEANING.get(error.errno or 0, f"cannot be used ({error.strerror or error}): see to the disk")
        raise DestinationError(
            f"The folder {_at_fault(folder, error)} {meaning}, then run the command again."
        ) from error


def named_for(path: Path) -> Path:
    """The folder that a message names for a path: the destination for what is in its `.bds-async`."""
    return next((each.parent for each in (path, *path.parents) if each.name == STATE), path)


def _at_fault(folder: Path, error: OSError) -> Path:
    """The folder that cannot be written: the destination, or one data set's folder in it."""
    destination, named = named_for(folder), error.filename2 or error.filename
    if error.errno not in (errno.EACCES, errno.EPERM) or not isinstance(named, str | bytes):
        return destination
    place = Path(os.fsdecode(named)).parent
    return place if destination in place.parents and STATE not in place.parts else destination
