"""Reading of bodies: streamed ones, which must not stall, and small ones as a whole, within limits of size and time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp

from ...errors import ConnectionLost, ExtractError
from ...support.coding import CodingError, decoded
from .faults import translated

#: The most bytes of an answer that is read as a whole (JSON, tokens, error pages).
MAX_ANSWER = 64 * 1024 * 1024
#: Seconds within which such an answer must end, headers included: one that trickles could block a run forever.
ANSWER_TIMEOUT = 300.0
#: Bytes of content that a body must deliver in each stall timeout.
LEAST = 1024
#: Content codings that are decoded in answers read as a whole.
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})


async def chunks(response: aiohttp.ClientResponse, stall_timeout: float, least: int = LEAST) -> AsyncIterator[bytes]:
    """Each chunk of a body as it arrives.

    A body that delivers fewer than `least` bytes of content in `stall_timeout` seconds has stalled. Framing does not
    count, nor does the caller's own time. Raises ConnectionLost.
    """
    host = response.url.host or "the server"
    received, waited = 0, 0.0
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(stall_timeout - waited):
                with translated(host):
                    chunk, ends_http_chunk = await response.content.readchunk()
        except TimeoutError:
            raise _stalled(host, received, stall_timeout) from None
        if not chunk:
            # aiohttp shares one object for all empty bodies; it reports the end of an HTTP chunk again and again.
            if ends_http_chunk and not response.content.at_eof():
                continue
            return
        yield chunk
        received, waited = received + len(chunk), waited + time.monotonic() - began
        if received >= least:
            received, waited = 0, 0.0


def _stalled(host: str, received: int, seconds: float) -> ConnectionLost:
    if not received:
        return ConnectionLost(f"{host} sent nothing for too long.")
    return ConnectionLost(f"{host} sent only {received} bytes in {seconds:g} seconds.")


async def read_bounded(
    response: aiohttp.ClientResponse,
    stall_timeout: float,
    limit: int | None = None,
    *,
    received: bytearray | None = None,
) -> bytes:
    """Read a whole body of at most `limit` bytes (default MAX_ANSWER) and decode its Content-Encoding.

    `received` gets the bytes as they arrive; it has them even if the body breaks off. Raises ExtractError for a longer
    body, ConnectionLost for one that stalls, breaks off, or does not end in time.
    """
    limit, body = MAX_ANSWER if limit is None else limit, bytearray() if received is None else received
    seconds = ANSWER_TIMEOUT - min(stall_timeout, ANSWER_TIMEOUT / 2)
    try:
        async with asyncio.timeout(seconds):
            await _read(response, stall_timeout, limit, body)
            return _plain(bytes(body), response, limit)
    except TimeoutError:
        raise ConnectionLost(
            f"{response.url.host} did not complete its answer within {ANSWER_TIMEOUT:.0f} seconds."
        ) from None


async def _read(response: aiohttp.ClientResponse, stall_timeout: float, limit: int, body: bytearray) -> None:
    try:
        async for chunk in chunks(response, stall_timeout, least=1):
            body += chunk
            if len(body) > limit:
                raise _too_long(response, limit)
    finally:
        body += left_over(response.content)


def _plain(body: bytes, response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Decode the Content-Encoding of a body; leave the body unchanged if it is not in that coding."""
    codings = response.headers.get("Content-Encoding", "").lower().replace(" ", "").split(",")
    for coding in reversed(codings):
        if coding not in _CODINGS:
            break
        for bare in (False, True):
            try:
                body = _undone(body, response, limit, bare=bare)
                break
            except CodingError:
                continue
    return body


def _undone(body: bytes, response: aiohttp.ClientResponse, limit: int, *, bare: bool) -> bytes:
    plain = bytearray()
    for block in decoded([body], bare=bare):
        plain += block
        if len(plain) > limit:
            raise _too_long(response, limit)
    return bytes(plain)


def _too_long(response: aiohttp.ClientResponse, limit: int) -> ExtractError:
    return ExtractError(f"{response.url.host} sent an answer of more than {limit} bytes where JSON was expected.")


def left_over(body: aiohttp.StreamReader) -> bytes:
    """Take the unread bytes of a broken body that arrived before the fault: aiohttp raises the fault first."""
    if (fault := body.exception()) is None:
        return b""
    body.set_exception(None)  # type: ignore[arg-type]
    rest = body.read_nowait()
    body.set_exception(fault)
    return rest
