"""Commands from the nursery, with the interface of asyncio's processes."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch


class Forked:
    """A command that was forked: like an `asyncio.subprocess.Process` with all three streams in pipes."""

    def __init__(self, pid: int, ends: asyncio.StreamReader, stdin: BinaryIO, stdout: Stream, stderr: Stream) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin = stdin
        self.stdout, self.stderr = stdout.reader, stderr.reader
        self._streams = (stdout, stderr)
        self._ended = asyncio.create_task(self._end(ends))

    async def _end(self, ends: asyncio.StreamReader) -> None:
        self.returncode = int(await ends.readline())

    async def wait(self) -> int:
        """Wait for its end; return the exit code, or the negative number of the signal that killed it."""
        await asyncio.shield(self._ended)
        assert self.returncode is not None
        return self.returncode

    async def communicate(self, said: bytes = b"") -> tuple[bytes, bytes]:
        """Write `said` to stdin and close it, read stdout and stderr to the end, and wait for the command."""
        with suppress(BrokenPipeError, ValueError):
            self.stdin.write(said)
        self.stdin.close()
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is still running."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close its streams."""
        self.stdin.close()
        for stream in self._streams:
            stream.transport.close()


class Stream:
    """The reading end of a pipe, and the command's end, `theirs`."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport, theirs: int) -> None:
        self.reader = reader
        self.transport = transport
        self.theirs = theirs

    @classmethod
    async def open(cls) -> Stream:
        """A new pipe."""
        ours, theirs = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", 0)
        )
        return cls(reader, transport, theirs)


async def fork(arguments: list[str], cwd: Path | None, environ: dict[str, str]) -> Forked:
    """Order a command and wait until it is forked."""
    stdout, stderr = await Stream.open(), await Stream.open()
    reads, says = os.pipe()
    streams = [reads, stdout.theirs, stderr.theirs]
    pid, reader, writer = await order(arguments, cwd, environ, streams)
    for descriptor in streams:
        os.close(descriptor)
    forked = Forked(pid, reader, os.fdopen(says, "wb", 0), stdout, stderr)
    forked._ended.add_done_callback(lambda _: writer.close())
    return forked


async def order(
    arguments: list[str], cwd: Path | None, environ: dict[str, str], streams: list[int]
) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
    """Have a command forked onto these streams; return its process id, the reader of its exit code, and a writer.

    The descriptors stay open here.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(nursery(), [b"!"], [theirs.fileno(), *streams])
    reader, writer = await asyncio.open_connection(sock=ours)
    wanted = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "environ": environ}
    writer.write(json.dumps(wanted).encode() + b"\n")
    return int(await reader.readline()), reader, writer


def nursery() -> socket.socket:
    """The nursery that forks the commands of this process."""
    return nursery_of("nursery.py")


@cache
def nursery_of(script: str, *modules: str) -> socket.socket:
    """A nursery that ends with this process: a script of this folder that also imports these modules."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, str(Path(__file__).with_name(script)), str(theirs.fileno()), *modules]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


@contextmanager
def forked_by(script: str = "nursery.py", *modules: str) -> Iterator[None]:
    """Fork commands from this nursery inside the context."""
    with patch(f"{__name__}.nursery", partial(nursery_of, script, *modules)):
        yield


@contextmanager
def with_extras() -> Iterator[None]:
    """Inside the context, fork commands from a nursery that has imported the packages for stores and mirrors.

    A command takes up to a third of a second to import them; other commands are forked faster without them.
    """
    with forked_by("nursery.py", "asyncpg", "botocore.session", "duckdb", "obstore.store"):
        yield
