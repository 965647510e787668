"""Sending bodies: an archive or a range of it, at the bandwidth of the settings."""

from __future__ import annotations

import asyncio
import os
import time
from io import BufferedReader

from aiohttp import HttpVersion10, web

from ..data.extracts import SandboxExtract
from ..faults.bodies import apply_body_faults, faulty_selection, faulty_validators
from ..faults.odd_zips import faulty_archive
from .body import Body
from .calls import Call
from .connections import close, reset
from .ranges import Selection, validators

CHUNK = 256 * 1024
SLICES_PER_SECOND = 20


class Pace:
    """Limits one body to `rate` bytes per second; None means unlimited."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._started, self._sent = rate, time.monotonic(), 0

    @property
    def chunk(self) -> int:
        """Number of bytes to send at once: at a slow rate, those of a twentieth of a second."""
        return CHUNK if self._rate is None else max(1, min(CHUNK, int(self._rate / SLICES_PER_SECOND)))

    async def sent(self, count: int) -> None:
        """Wait until the bytes sent so far are due."""
        self._sent += count
        if self._rate is not None:
            await asyncio.sleep(max(0.0, self._started + self._sent / self._rate - time.monotonic()))


async def send_archive(call: Call, extract: SandboxExtract) -> web.StreamResponse:
    """Answer with the zip of an extract, or with the requested range of it."""
    with await _open(call, extract) as file:
        total = os.fstat(file.fileno()).st_size
        true = validators(extract, call.tenant.settings)
        sent = faulty_validators(call, true)
        selection = faulty_selection(call, true, sent, total)
        body = Body(file, selection, {**sent, **_headers(call, selection, total)}, call.tenant.settings.bandwidth)
        apply_body_faults(call, body, total)
        return await stream(call, body)


async def _open(call: Call, extract: SandboxExtract) -> BufferedReader:
    odd = faulty_archive(extract, call.faults)
    if odd is None:
        return await call.tenant.archive(extract)
    fault, write = odd
    return await call.tenant.open_generated((*extract.identity, fault.action, repr(fault.parameters)), write)


def _headers(call: Call, selection: Selection, total: int) -> dict[str, str]:
    headers = {"Content-Type": "application/zip"}
    if call.tenant.settings.ranges:
        headers["Accept-Ranges"] = "bytes"
    if selection.status == 206:
        headers["Content-Range"] = f"bytes {selection.start}-{selection.stop - 1}/{total}"
    if selection.status == 416:
        headers["Content-Range"] = f"bytes */{total}"
    return headers


async def stream(call: Call, body: Body) -> web.StreamResponse:
    """Send a body with its faults."""
    response = await _prepared(call, body)
    with call.tenant.log.body():
        await _pour(call, response, body)
    if body.ending is None:
        await response.write_eof()
    elif body.ending == "reset":
        reset(call.request)
    else:
        close(call.request)
    return response


async def _prepared(call: Call, body: Body) -> web.StreamResponse:
    response = web.StreamResponse(status=body.selection.status, headers=body.headers)
    if body.framing == "length":
        response.content_length = body.declared
    elif body.framing == "close":
        # Only an answer to HTTP/1.0 can have neither a length nor chunks.
        call.request._version = HttpVersion10  # noqa: SLF001
        response.force_close()
    writer = await response.prepare(call.request)
    call.seen.status = response.status
    if writer is not None:
        writer.send_headers()
    return response


async def _pour(call: Call, response: web.StreamResponse, body: Body) -> None:
    pace = Pace(body.rate)
    body.file.seek(body.selection.start)
    if body.stall_after is not None:
        await _send(call, response, body, body.stall_after, pace)
        await asyncio.sleep(body.stall_seconds)
    await _send(call, response, body, body.length - (body.stall_after or 0), pace)


async def _send(call: Call, response: web.StreamResponse, body: Body, count: int, pace: Pace) -> None:
    while count > 0 and (block := body.file.read(min(pace.chunk, count))):
        await response.write(block)
        call.tenant.log.moved(call.seen, len(block))
        count -= len(block)
        await pace.sent(len(block))
