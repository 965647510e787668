"""Reading of answers: whole small ones within a size and a time, and the rest of a body that broke off."""

from __future__ import annotations

import asyncio

import aiohttp

from ...errors import ConnectionLost, ExtractError

#: Bytes that an answer read as a whole (JSON, tokens, error pages) may have.
MAX_ANSWER = 64 * 1024 * 1024
#: Seconds within which such an answer has to end, since one that trickles could hold a run for ever.
ANSWER_TIMEOUT = 300.0


async def read_bounded(response: aiohttp.ClientResponse, limit: int = MAX_ANSWER) -> bytes:
    """Read a whole body of at most `limit` bytes.

    Raises ExtractError for a longer one, ConnectionLost for one that does not end within ANSWER_TIMEOUT.
    """
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT) as clock:
            return await _read(response, limit)
    except TimeoutError:
        if not clock.expired():
            raise
        raise ConnectionLost(
            f"{response.url.host} did not complete its answer within {ANSWER_TIMEOUT:.0f} seconds."
        ) from None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ExtractError(
                f"{response.url.host} sent an answer of more than {limit} bytes where JSON was expected."
            )
    return bytes(body)


def left_over(body: aiohttp.StreamReader) -> bytes:
    """Bytes of a broken body that arrived before the fault and were not read: aiohttp raises the fault first."""
    if (fault := body.exception()) is None:
        return b""
    body.set_exception(None)  # type: ignore[arg-type]
    rest = body.read_nowait()
    body.set_exception(fault)
    return rest
