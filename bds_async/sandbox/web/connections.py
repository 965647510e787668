"""Ending a connection where an answer was due."""

from __future__ import annotations

import socket
import struct
import sys

from aiohttp import web

#: `struct linger`: on, for no time at all, so that closing sends a reset.
LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def reset(request: web.Request) -> None:
    """Drop the connection so that the other side sees a reset."""
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    request.transport.abort()


def close(request: web.Request) -> None:
    """Close the connection once what was written has left."""
    if request.transport is not None:
        request.transport.close()
