"""Reading a file that a person names, which can be a pipe: once, with an end, and without blocking for ever."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import NamedTuple

#: Usual upper bound in bytes for the content.
LONGEST = 1024 * 1024
#: Seconds to wait for a program that writes to a pipe, and for the next bytes of one that does.
NO_WRITER, SILENCE = 3.0, 60.0
_BLOCK = 65_536


class Content(NamedTuple):
    """The content of a file; `is_stream` if it was a pipe or a device, whose content can't be read again."""

    data: bytes
    is_stream: bool


def read_any(path: Path, longest: int = LONGEST) -> Content:
    """The content of a file, a pipe or a device; raises OSError, for more than `longest` bytes and for silence, too."""
    if sys.platform == "win32":
        return Content(path.read_bytes(), is_stream=False)
    # O_NONBLOCK: the plain opening of a pipe waits for its writer.
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
    """The next bytes; none at the end, which a pipe without a writer is, too."""
    while True:
        try:
            return os.read(descriptor, _BLOCK)
        except BlockingIOError:
            if not select.select([descriptor], [], [], SILENCE)[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"nothing came from it for {SILENCE:.0f} seconds") from None
