"""Reading of whole files of a local folder, which ends when the run is stopped."""

from __future__ import annotations

import hashlib
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import Stopped
from ..support.patience import Patience
from .destination import Recorded

#: Bytes that are read at a time.
BLOCK = 4 * 1024 * 1024


class Stoppable:
    """A file whose reading ends once `patience` is cut."""

    def __init__(self, file: BinaryIO, patience: Patience) -> None:
        self._file = file
        self._patience = patience

    def read(self, size: int = -1, /) -> bytes:
        """Read the next bytes; raises Stopped once the run is stopped."""
        if self._patience.is_cut:
            raise Stopped("The run was stopped while a file was copied or compared; run again to continue.", 3)
        return self._file.read(size)


def is_same(file: Path, wanted: Recorded, patience: Patience) -> bool:
    """Whether a file has these bytes; not if it cannot be read, or is no plain file. Raises OSError, Stopped."""
    found, digest = file.lstat(), hashlib.sha256()
    if not stat.S_ISREG(found.st_mode) or found.st_size != wanted.bytes:
        return False
    with suppress(PermissionError), file.open("rb") as content:
        source = Stoppable(content, patience)
        while block := source.read(BLOCK):
            digest.update(block)
    return digest.hexdigest() == wanted.sha256
