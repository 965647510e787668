"""Bodies: the bytes of an archive, or of a range of it, at the pace that the settings allow."""

from __future__ import annotations

import asyncio
import os
import time
from io import BufferedReader

from aiohttp import web

from bds_async.sandbox.calls import Call
from bds_async.sandbox.catalogue import SandboxExtract
from bds_async.sandbox.ranges import Selection, select, validators

CHUNK = 256 * 1024


class Pace:
    """Holds one body to so many bytes a second; None lets it run."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._started, self._sent = rate, time.monotonic(), 0

    @property
    def chunk(self) -> int:
        """How many bytes to send at once: at a slow pace, a twentieth of a second's worth."""
        return CHUNK if self._rate is None else max(1, min(CHUNK, int(self._rate / 20)))

    async def sent(self, count: int) -> None:
        """Wait until the bytes sent so far are due."""
        self._sent += count
        if self._rate is not None:
            await asyncio.sleep(max(0.0, self._started + self._sent / self._rate - time.monotonic()))


async def send_archive(call: Call, extract: SandboxExtract) -> web.StreamResponse:
    """Answer with the zip of an extract, or with the range of it that was asked for."""
    with await call.tenant.archive(extract) as file:
        total = os.fstat(file.fileno()).st_size
        marks = validators(extract, call.tenant.settings)
        selection = Selection(200, 0, total)
        if call.tenant.settings.ranges:
            selection = select(call.request, marks, total)
        response = web.StreamResponse(status=selection.status, headers={**marks, **_headers(call, selection, total)})
        response.content_length = selection.stop - selection.start
        await response.prepare(call.request)
        call.seen.status = selection.status
        with call.tenant.log.body():
            await _send(call, response, file, selection)
    await response.write_eof()
    return response


def _headers(call: Call, selection: Selection, total: int) -> dict[str, str]:
    headers = {"Content-Type": "application/zip"}
    if call.tenant.settings.ranges:
        headers["Accept-Ranges"] = "bytes"
    if selection.status == 206:
        headers["Content-Range"] = f"bytes {selection.start}-{selection.stop - 1}/{total}"
    if selection.status == 416:
        headers["Content-Range"] = f"bytes */{total}"
    return headers


async def _send(call: Call, response: web.StreamResponse, file: BufferedReader, selection: Selection) -> None:
    pace = Pace(call.tenant.settings.bandwidth)
    file.seek(selection.start)
    left = selection.stop - selection.start
    while left and (block := file.read(min(pace.chunk, left))):
        await response.write(block)
        call.tenant.log.moved(call.seen, len(block))
        left -= len(block)
        await pace.sent(len(block))
