"""Commands out of the nursery that run onto streams of a test: a terminal, a full device, a pipe without a reader."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.support.commands import ENVIRON, PATIENCE
from tests.support.forked import nursery


class OnStreams:
    """A command under way whose streams belong to the test."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._reader, self._writer = reader, writer

    async def wait(self) -> int:
        """Wait for its end; its exit code, negative for the signal that killed it."""
        self.returncode = int(await self._reader.readline())
        self._writer.close()
        return self.returncode

    def kill(self) -> None:
        """End it at once, if it is still there."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


async def fork_onto(arguments: list[str], cwd: Path, environ: dict[str, str], streams: list[int]) -> OnStreams:
    """Start `bds-async` with these descriptors as stdin, stdout and stderr; they stay open here."""
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(nursery(), [b"!"], [theirs.fileno(), *streams])
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(json.dumps({"arguments": arguments, "cwd": str(cwd), "environ": environ}).encode() + b"\n")
    return OnStreams(int(await reader.readline()), reader, writer)


async def bds_onto(*arguments: object, cwd: Path, stdout: IO[bytes], stderr: IO[bytes]) -> int:
    """Run `bds-async` to its end, with nothing on stdin; its exit code."""
    with Path(os.devnull).open("rb") as stdin:
        streams = [each.fileno() for each in (stdin, stdout, stderr)]
        running = await fork_onto([*map(str, arguments)], cwd, ENVIRON, streams)
    try:
        return await asyncio.wait_for(running.wait(), PATIENCE)
    finally:
        running.kill()


@contextmanager
def without_a_reader() -> Iterator[IO[bytes]]:
    """The end of a pipe that nobody reads."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "wb") as pipe:
        yield pipe
