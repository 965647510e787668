"""Lines of stdin, read without holding up the event loop or the end of the program."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

#: Bytes that one read asks for; a terminal hands over a line at a time.
_BLOCK = 65_536


async def lines() -> AsyncIterator[str]:
    """Each line that is pasted or piped in, as it comes, until the end of stdin.

    A daemon thread reads the bare descriptor: a reader of sys.stdin could not be left behind at the end of the
    program, and event loops can't watch regular files, nor a Windows console.
    """
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        block = b"-"
        while block:
            block = _read_block()
            try:
                loop.call_soon_threadsafe(arrived.put_nowait, block)
            except RuntimeError:  # nobody waits any more: the loop is closed
                return

    threading.Thread(target=read, name="bds-async-stdin", daemon=True).start()
    held = b""
    while block := await arrived.get():
        *whole, held = (held + block).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if held:
        yield held.decode(errors="replace")


def _read_block() -> bytes:
    """The next bytes; none at the end, or where there is no stdin."""
    try:
        return os.read(sys.stdin.fileno(), _BLOCK)
    except (OSError, ValueError, AttributeError):
        return b""
