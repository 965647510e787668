"""Reading lines of stdin without blocking the event loop or the end of the program."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

#: Bytes of one read; a terminal returns a line at a time.
_BLOCK = 65_536


async def lines() -> AsyncIterator[str]:
    """Yield each line that is pasted or piped in, until the end of stdin.

    A daemon thread reads the descriptor: a thread that reads sys.stdin would block the end of the program, and event
    loops cannot watch regular files or a Windows console.
    """
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        """Read stdin to its end, and pass each line to the loop."""
        block = b"-"
        while block:
            block = _read_block()
            try:
                loop.call_soon_threadsafe(arrived.put_nowait, block)
            except RuntimeError:  # the loop is closed, and has no reader
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
    """Read the next bytes; empty at the end, or if there is no stdin."""
    try:
        return os.read(sys.stdin.fileno(), _BLOCK)
    except (OSError, ValueError, AttributeError):
        return b""
