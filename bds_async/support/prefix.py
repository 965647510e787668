"""The SHA-256 of a file's beginning, computed while its blocks are still in memory."""

from __future__ import annotations

import hashlib
import sys
from typing import Self


class Prefix:
    """The digest of the first `length` bytes of a file that is being written.

    Blocks that are written in order extend it. A block written out of order does not, so it and all bytes after it
    have to be read again.
    """

    def __init__(self) -> None:
        self.length = 0
        self._digest = hashlib.sha256()

    def extend(self, start: int, *chunks: bytes) -> None:
        """Hash the bytes of the file from `start` on, if they are the next ones."""
        if start == self.length:
            for chunk in chunks:
                self._digest.update(chunk)
            # Updated last, so that no other thread's block is hashed before this one.
            self.length += sum(map(len, chunks))

    @classmethod
    def unwanted(cls) -> Self:
        """A prefix that hashes nothing."""
        prefix = cls()
        prefix.length = sys.maxsize
        return prefix

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal digits."""
        return self._digest.hexdigest()
