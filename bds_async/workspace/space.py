"""Free space on the disks of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import DestinationError
from .faults import named_for, writing_to


def free_space(path: Path) -> int | None:
    """Bytes that this user may still write at `path`, which need not exist yet; raises DestinationError.

    None if the file system does not know: some network and FUSE file systems report a total of zero.
    """
    with writing_to(path):
        try:
            usage = shutil.disk_usage(path)
        except (FileNotFoundError, NotADirectoryError):
            usage = shutil.disk_usage(_existing(path.absolute()))
    return usage.free if usage.total else None


def _existing(path: Path) -> Path:
    return next(each for each in path.parents if each.exists())


def ensure_room(path: Path, wanted: int, what: object) -> None:
    """Raise DestinationError if fewer than the `wanted` bytes for `what` are free at `path`."""
    if (free := free_space(path)) is not None and wanted > free:
        text = f"No room for {what}: {wanted} bytes are wanted, {free} are free in {named_for(path)}"
        raise DestinationError(f"{text}; make room, then run again.")
