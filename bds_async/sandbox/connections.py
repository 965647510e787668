"""Ending a connection where an answer was due."""

from __future__ import annotations

import socket
import struct

from aiohttp import web


def reset(request: web.Request) -> None:
    """Drop the connection so that the other side sees a reset."""
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


def close(request: web.Request) -> None:
    """Close the connection once what was written has left."""
    if request.transport is not None:
        request.transport.close()
