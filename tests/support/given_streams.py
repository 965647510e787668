"""Commands from the nursery that use streams of a test: a terminal, a full device, a pipe without a reader."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.support.commands import ENVIRON, PATIENCE, Done
from tests.support.forked import order

FULL = Path("/dev/full")


class OnStreams:
    """A running command whose streams belong to the test."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._reader, self._writer = reader, writer

    async def wait(self) -> int:
        """Wait for its end; return the exit code, or the negative number of the signal that killed it."""
        self.returncode = int(await self._reader.readline())
        self._writer.close()
        return self.returncode

    def kill(self) -> None:
        """Kill it, if it is still running."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


async def fork_onto(arguments: list[str], cwd: Path, environ: dict[str, str], streams: list[int]) -> OnStreams:
    """Start `bds-async` with these descriptors as stdin, stdout and stderr; they stay open here."""
    return OnStreams(*await order(arguments, cwd, environ, streams))


async def bds_onto(
    *arguments: object, cwd: Path, stdout: IO[bytes] | None = None, stderr: IO[bytes] | None = None
) -> Done:
    """Run `bds-async` to its end, with empty stdin; the result lacks the output to streams of the test."""
    with TemporaryFile() as nothing, TemporaryFile() as out, TemporaryFile() as err:
        streams = [each.fileno() for each in (nothing, stdout or out, stderr or err)]
        running = await fork_onto([*map(str, arguments)], cwd, ENVIRON, streams)
        try:
            code = await asyncio.wait_for(running.wait(), PATIENCE)
        finally:
            running.kill()
        return Done(code, *(os.pread(file.fileno(), 1 << 20, 0).decode() for file in (out, err)))


@contextmanager
def full_device() -> Iterator[IO[bytes]]:
    """A device that is always full, if the system has one."""
    with FULL.open("wb") as device:
        yield device


@contextmanager
def without_a_reader() -> Iterator[IO[bytes]]:
    """The end of a pipe that nobody reads."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "wb") as pipe:
        yield pipe
