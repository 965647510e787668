"""Translation of disk faults: an OSError becomes an error that says what to do."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

from ..errors import BdsError, DestinationError
from ..support.limits import machine_limit
from ..support.os_errors import folder_fault
from ..support.translating import Translating

#: Name of the state folder inside a local destination.
STATE = ".bds-async"
#: The default name of the mirror's database in the destination, and DuckDB's log of it.
MIRROR = "mirror.duckdb"
OWN_FILES = frozenset({MIRROR, f"{MIRROR}.wal"})


def writing_to(folder: Path) -> Translating:
    """Turn an OSError raised inside into a DestinationError that says what to do.

    `folder` is the destination, the state folder, or a path in one of them.
    """
    return Translating(partial(_explained, folder))


def _explained(folder: Path, error: Exception) -> BdsError | None:
    if not isinstance(error, OSError):
        return None
    text = f"The folder {_at_fault(folder, error)} {folder_fault(error)}, then run the command again."
    return machine_limit(error) or DestinationError(text)


def named_for(path: Path) -> Path:
    """The folder that a message names for a path: for paths in `.bds-async`, the destination."""
    return next((each.parent for each in (path, *path.parents) if each.name == STATE), path)


def _at_fault(folder: Path, error: OSError) -> Path:
    """The folder that cannot be written: the destination, or a folder in it, of a data set or of the state."""
    destination, named = named_for(folder), error.filename2 or error.filename
    if error.errno not in (errno.EACCES, errno.EPERM) or not isinstance(named, str | bytes):
        return destination
    place = Path(os.fsdecode(named)).parent
    return place if destination in place.parents else destination
