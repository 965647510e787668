"""The C library's allocator in a process that moves large blocks."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

#: Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
#: Bytes up to which freed blocks are kept for the next ones, and arenas that keep them.
_KEPT, _ARENAS = 64 * 1024 * 1024, 2


def keep_large_blocks() -> None:
    """Have freed blocks used again, where the C library is glibc.

    Otherwise the kernel maps and clears new memory for each block of a body. A library must not decide this for its
    process, so only the command line calls it.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_THRESHOLD, _KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_ARENA_MAX, _ARENAS)
