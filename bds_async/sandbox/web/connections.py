"""Ending a connection, by a reset or by closing it."""

from __future__ import annotations

import socket
import struct
import sys

from aiohttp import web

#: `struct linger`: on, with a timeout of 0, so that closing sends a reset.
NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def reset(request: web.Request) -> None:
    """Drop the connection so that the other side sees a reset."""
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    request.transport.abort()


def close(request: web.Request) -> None:
    """Close the connection after the written bytes are sent."""
    if request.transport is not None:
        request.transport.close()
