"""Writing one piece of a partial file: first the bytes, then their record."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiofiles.threadpool import wrap

from ..errors import Superseded
from ..support.to_its_end import to_its_end
from ..workspace import writing_to
from .held_ranges import HeldRanges

#: The most chunks of a block that are written as they are; if there are more, they are joined.
VECTOR = 64
#: Bytes of a piece that is written and hashed faster than a thread would start.
SMALL = 256 * 1024


class Writer:
    """Writes one piece at `position`, which moves along. Close it, or use `async with`.

    Several writers may write to one file at a time, each to its own ranges.
    """

    def __init__(self, path: Path, start: int, ranges: HeldRanges) -> None:
        self._path = path
        self._start = start
        self._ranges = ranges
        with writing_to(path):
            # Not in a thread: a cancellation would leave open the file that the thread is opening.
            self._file = _RecordedFile(path, start, ranges)
        self._async_file = wrap(self._file)

    @property
    def position(self) -> int:
        """The next byte to be written."""
        return self._file.position

    async def write(self, *chunks: bytes, last: bool = False) -> None:
        """Write a block (best 1 to 4 MiB in all), hash it, and record it; after the `last` one, close the file.

        All of this takes one hop to a thread; for a piece of one small block, none.

        A cancellation waits until the block is written and recorded. Raises DestinationError, and Superseded if a new
        generation of the file has begun since this writer was opened.
        """
        self._check_generation()
        start = self.position
        self._file.closes = last
        try:
            with writing_to(self._path):
                if last and start == self._start and sum(map(len, chunks)) <= SMALL:
                    self._file.writelines(chunks)
                else:
                    await to_its_end(self._async_file.writelines(chunks))
        finally:
            self._ranges.add(start, self.position)
        self._check_generation()

    def _check_generation(self) -> None:
        if self._ranges.is_over:
            raise Superseded("The download started over; this piece of the earlier generation is dropped.")

    async def close(self) -> None:
        """Close the file, even if cancelled; raises DestinationError."""
        if not self._file.closed:
            with writing_to(self._path):
                await to_its_end(self._async_file.close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class _RecordedFile(io.FileIO):
    """A partial file, written from `position` on, that records and hashes each written block."""

    _record: io.FileIO | None = None

    def __init__(self, path: Path, start: int, ranges: HeldRanges) -> None:
        super().__init__(path, "r+b")
        self.seek(start)
        self.position = start
        #: Whether the next block is the last one.
        self.closes = False
        self._ranges = ranges

    def writelines(self, chunks: Iterable[bytes]) -> None:  # type: ignore[override]
        """Write the chunks as one block."""
        block = list(chunks)
        if len(block) > VECTOR:
            # Make few system calls, since each releases the GIL; a large block is joined in a thread.
            block = [b"".join(block)]
        start, size = self.position, sum(map(len, block))
        if size:
            self._write_whole(block, size)
            self._ranges.prefix.extend(start, *block)
            self._note(start, start + size)
        self.position += size
        if self.closes:
            self.close()

    def _write_whole(self, block: list[bytes], size: int) -> None:
        # Windows has no writev.
        written = os.writev(self.fileno(), block) if hasattr(os, "writev") else 0
        if written < size:
            rest = memoryview(b"".join(block))[written:]
            while rest:
                rest = rest[self.write(rest) :]

    def _note(self, start: int, stop: int) -> None:
        self._record = self._record or self._ranges.open_record()
        if self._record is not None:
            self._ranges.record(self._record, start, stop)

    def close(self) -> None:
        """Close the file and its record."""
        if self._record is not None:
            self._record.close()
        super().close()
