"""Memory settings of a process that moves large bodies: the C library's allocator, and the buffers of TLS."""

from __future__ import annotations

import asyncio.sslproto
import ctypes
import sys
from contextlib import suppress

#: Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
#: Size in bytes up to which freed blocks are kept for reuse, and the number of arenas that keep them.
_KEPT, _ARENAS = 64 * 1024 * 1024, 1
#: Bytes that asyncio reads and decrypts at a time for each connection with TLS.
_TLS_BUFFER = 128 * 1024


def prepare_for_bodies() -> None:
    """Save time and memory in this process; a library must not decide that, so only the command line calls it.

    With glibc, freed blocks are reused: otherwise the kernel maps and clears new memory for each block of a body. A TLS
    connection gets half of asyncio's buffers, which costs no time.
    """
    asyncio.sslproto.SSLProtocol.max_size = _TLS_BUFFER
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_THRESHOLD, _KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_ARENA_MAX, _ARENAS)
