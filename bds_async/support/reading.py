"""Reading a file that a person names, which can be a pipe: only once, up to a limit, and without blocking forever."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import NamedTuple

#: Default upper bound of the content in bytes.
LONGEST = 1024 * 1024
#: Seconds to wait for a pipe to get a writer, and for the next bytes from the writer.
NO_WRITER, SILENCE = 3.0, 60.0
_BLOCK = 65_536


class Content(NamedTuple):
    """The content of a file; `is_stream` is set for a pipe or a device, which can't be read again."""

    data: bytes
    is_stream: bool


def read_any(path: Path, longest: int = LONGEST) -> Content:
    """Read a file, a pipe or a device; raises OSError, also for more than `longest` bytes and after a silence."""
    if sys.platform == "win32":
        return Content(path.read_bytes(), is_stream=False)
    # O_NONBLOCK: otherwise opening a pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return Content(_read(descriptor, longest, is_regular=stat.S_ISREG(mode)), not stat.S_ISREG(mode))
    finally:
        os.close(descriptor)


def _read(descriptor: int, longest: int, *, is_regular: bool) -> bytes:
    content, deadline = bytearray(), time.monotonic() + NO_WRITER
    while True:
        block = _next_block(descriptor)
        content += block
        if len(content) > longest:
            raise OSError(errno.EFBIG, f"it is larger than {longest // 1024} KiB, so it is another file")
        if block:
            continue
        if content or is_regular:
            return bytes(content)
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "it is a pipe, and no program writes to it")
        time.sleep(0.02)


def _next_block(descriptor: int) -> bytes:
    """Read the next bytes; none at the end, and none from a pipe without a writer."""
    while True:
        try:
            return os.read(descriptor, _BLOCK)
        except BlockingIOError:
            if not select.select([descriptor], [], [], SILENCE)[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"nothing came from it for {SILENCE:.0f} seconds") from None
