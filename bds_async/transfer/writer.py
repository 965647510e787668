"""Writing one piece of a partial file: the bytes to their place first, then the record of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncFileIO

from ..errors import Superseded
from ..support.to_its_end import to_its_end
from ..workspace import writing_to
from .held_ranges import HeldRanges


class Writer:
    """Writes one piece from `position` on; `position` moves with it. Close it, or use `async with`.

    Several of them may write to one file at a time, each its own ranges.
    """

    def __init__(self, path: Path, data: AsyncFileIO, position: int, ranges: HeldRanges) -> None:
        self.position = position
        self._path = path
        self._data = data
        self._ranges = ranges

    @classmethod
    def open(cls, path: Path, start: int, ranges: HeldRanges) -> Self:
        """A writer at the byte `start` of the file at `path`; raises DestinationError."""
        with writing_to(path):
            # Without a thread: a cancellation would leave the file open that a thread is just opening.
            data = path.open("r+b", buffering=0)
            data.seek(start)
        return cls(path, wrap(data), start, ranges)

    async def write(self, block: bytes | bytearray | memoryview) -> None:
        """Write a block (1 to 4 MiB are best), then record it. The buffer is free to be used again afterwards.

        A cancellation waits until the block is written and recorded. Raises DestinationError, and Superseded if the
        file was begun anew since this writer was opened.
        """
        self._check_generation()
        with writing_to(self._path):
            await to_its_end(self._store(memoryview(block)))
        self._check_generation()

    def _check_generation(self) -> None:
        if self._ranges.is_over:
            raise Superseded("The download was begun anew; this piece of the former one is dropped.")

    async def _store(self, block: memoryview) -> None:
        start = self.position
        while block:
            written = await self._data.write(block)
            self.position += written
            block = block[written:]
        if start < self.position and not self._ranges.is_over:
            await asyncio.to_thread(self._ranges.record, start, self.position)
            self._ranges.add(start, self.position)

    async def close(self) -> None:
        """Close the file, whoever is cancelled meanwhile; raises DestinationError."""
        with writing_to(self._path):
            await to_its_end(self._data.close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
