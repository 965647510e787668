"""Fetching one piece: request its range, stream the body into the partial file, retry if that may help.

Ranges follow RFC 9110 section 14: a 206 counts only if it starts at the requested byte of the very same object (strong
validator and total unchanged); a 200 has the whole object; a 416 starts the download over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

import aiohttp
from yarl import URL

from ..brightspace import Source, full_jitter, retrying
from ..brightspace.http import chunks, left_over
from ..errors import ConnectionFailed, RefusedRequest, TransientError
from ..events import Observer, Received, Restarted, Retrying, Sized, Started
from ..support.text import counted
from .attempts import Clock
from .block import Block
from .bodies import Bodies
from .download import Download, Piece
from .links_ahead import LinksAhead
from .rate_limit import RateLimit
from .served import Served, check_magic, is_coded
from .writer import Writer

logger = logging.getLogger(__name__)

#: Bytes that are written at a time, of one body and of all together: the most that a killed run loses.
BLOCK, BLOCKS = 1024 * 1024, 5 * 1024 * 1024
#: Seconds after which an incomplete block is written, so that a slow link shows progress and loses little.
LINGER = 1.0
#: Statuses with which a storage host rejects an expired signed link.
EXPIRED = frozenset({400, 401, 403, 404, 410})


class Transfer:
    """Fetches pieces from one tenant; `put` queues further pieces that a fetch finds necessary.

    `links` requests links ahead of their use; by default, none. `rate` limits the bodies, of which `bodies` are read at
    a time, within the bound `shared` with other runs. `clock` gives the times of the attempts.
    """

    def __init__(
        self,
        tenant: Source,
        put: Callable[[Piece], None],
        observer: Observer,
        *,
        links: LinksAhead | None = None,
        rate: RateLimit | None = None,
        bodies: int = 1,
        stall_timeout: float = 60.0,
        shared: Bodies | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._tenant = tenant
        self._links = links or LinksAhead(tenant, 0)
        self._rate = rate or RateLimit(None)
        self._block = min(BLOCK, BLOCKS // bodies)
        self._put = put
        self._observer = observer
        self._stall_timeout = stall_timeout
        self._shared = shared or Bodies(None)
        self._clock = clock

    async def fetch(self, piece: Piece, worker: int = 1) -> None:
        """Fetch a piece into its download's partial file, unless the download has gone on without it.

        `worker` is the number under which the times of the attempts are kept.

        Raises ExtractError when its tries are used up, and whatever ends the whole run.
        """
        if piece.download.begin():
            self._observer(Started(piece.download.extract, piece.download.resumed_bytes))
        if piece.is_wanted and piece.download.restarts > 1:
            await asyncio.sleep(full_jitter(piece.download.restarts - 1))
        async for attempt in retrying(piece.tries, piece.download.extract, partial(self._announce_retry, piece)):
            with attempt:
                await self._counted(piece, worker)

    def _announce_retry(self, piece: Piece, why: str, seconds: float) -> None:
        tries = piece.tries
        self._observer(Retrying(piece.download.extract, tries.used + 1, tries.limit, seconds, why))

    async def _counted(self, piece: Piece, worker: int) -> None:
        try:
            if piece.is_wanted:
                with piece.download.made.under_way(worker, self._clock) as piece.attempt:
                    await self._asked(piece)
        except TransientError:
            if piece.is_stale:
                return
            piece.download.failures += 1
            raise

    async def _asked(self, piece: Piece) -> None:
        while piece.is_wanted and not await self._tenant.outlasting(partial(self._ask, piece)):
            pass

    async def _ask(self, piece: Piece) -> bool:
        """Make one request; False if it must be repeated at once, because the signed link no longer works."""
        download = piece.download
        link = await self._links.link_of(download)
        signed = download.signed_link
        if not piece.is_wanted:
            return True
        try:
            async with self._shared.one_of(self._tenant, link), self._tenant.open(link, _headers(piece)) as response:
                if not self._tenant.is_own(response.url):
                    download.signed_link = response.url
                    self._links.go_on()
                if piece.is_wanted:
                    piece.attempt.answered()
                    await self._accept(piece, response)
        except RefusedRequest as error:
            self._judge(error, download, signed)
            return False
        except ConnectionFailed:
            if signed is None:
                raise
            download.forget_link(signed)
            return False
        return True

    def _judge(self, error: RefusedRequest, download: Download, signed: URL | None) -> None:
        """Drop an expired link, so that a new one is requested; raise for a refused new link, and for other errors."""
        if error.origin == str(self._tenant.origin) or error.status not in EXPIRED:
            raise error
        if signed is None:
            raise TransientError(f"{error} It refused a fresh signed link.") from None
        logger.debug("%s: %s Another signed link is asked for.", download.extract, error)
        download.forget_link(signed)

    async def _accept(self, piece: Piece, response: aiohttp.ClientResponse) -> None:
        served = Served.of(response)
        if response.status in (200, 203):
            self._take_whole(piece, served)
        elif _opens(piece, served) or _continues(piece, served):
            for other in piece.download.rest(piece):
                self._put(other)
        else:
            self._restart(piece)
            return
        if (total := piece.download.partial.total) is not None:
            self._observer(Sized(piece.download.extract, total))
        await self._receive(piece, response)

    def _take_whole(self, piece: Piece, served: Served) -> None:
        """Accept the whole object, requested or not: the bytes from other answers are dropped."""
        held = piece.download.partial.held_bytes
        if held:
            self._observer(Restarted(piece.download.extract, held))
        piece.download.begin_object(served.validator, served.total)
        piece.generation = piece.download.partial.generation
        piece.start, piece.stop = 0, served.total

    def _restart(self, piece: Piece) -> None:
        download = piece.download
        logger.debug("%s: what is served does not continue what is held; it starts over.", download.extract)
        self._observer(Restarted(download.extract, download.partial.held_bytes))
        self._put(download.restart(piece.tries.used))

    async def _receive(self, piece: Piece, response: aiohttp.ClientResponse) -> None:
        """Write the body block by block; bytes that arrive before it breaks off are kept."""
        block, written_at = Block(), time.monotonic()
        async with await piece.download.partial.open_writer(piece.start) as writer:
            try:
                async for chunk in chunks(response, self._stall_timeout):
                    block.add(chunk)
                    await self._rate.received(len(chunk))
                    if block.size >= self._block or time.monotonic() - written_at >= LINGER:
                        full, block = block, Block()
                        await self._write(piece, writer, full, response)
                        del full
                        written_at = time.monotonic()
            except Exception:
                # A cancellation is no Exception: it has to be quick, and must not turn into another error here.
                block.add(left_over(response.content))
                await self._write(piece, writer, block, response, last=True)
                # The traceback would keep the block in memory until the next try.
                block = Block()
                if not piece.is_complete:
                    raise
            else:
                await self._write(piece, writer, block, response, last=True)
        _close(piece)

    async def _write(
        self, piece: Piece, writer: Writer, block: Block, response: aiohttp.ClientResponse, *, last: bool = False
    ) -> None:
        if piece.stop is not None:
            block.cut(piece.stop - piece.start)
        if piece.start == 0 and not is_coded(response):
            check_magic(block.head(64))
        await writer.write(*block.chunks, last=last)
        piece.start += block.size
        piece.attempt.bytes += block.size
        piece.tries.progress(piece.download.advance())
        self._observer(Received(piece.download.extract, block.size))


def _headers(piece: Piece) -> dict[str, str]:
    """Request the zip without a content coding, and a range only where a range can help."""
    headers = {"Accept-Encoding": "identity"}
    validator, total = piece.download.partial.validator, piece.download.partial.total
    cannot_go_on = validator is None and (piece.start > 0 or total is not None)
    if piece.is_whole_extract or cannot_go_on:
        return headers
    headers["Range"] = f"bytes={piece.start}-{'' if piece.stop is None else piece.stop - 1}"
    if validator is not None:
        headers["If-Range"] = validator
    return headers


def _opens(piece: Piece, served: Served) -> bool:
    """Whether it is the head of a new object, with the strong validator and the total that further ranges need."""
    download = piece.download
    if download.partial.validator is not None or served.validator is None or served.total is None:
        return False
    if served.start != 0 or piece.stop is None or served.stop != min(piece.stop, served.total):
        return False
    download.begin_object(served.validator, served.total)
    piece.generation, piece.stop = download.partial.generation, served.stop
    return True


def _continues(piece: Piece, served: Served) -> bool:
    """Whether a 206 has the requested range of the very same object."""
    partial = piece.download.partial
    if partial.validator is None or served.validator != partial.validator or served.start != piece.start:
        return False
    if served.total is None or partial.total not in (None, served.total):
        return False
    partial.total = served.total
    piece.stop = served.total if piece.stop is None else piece.stop
    return served.stop is not None and served.stop <= piece.stop


def _close(piece: Piece) -> None:
    """Check at the end of a body that every wanted byte has arrived; a body of unknown length is complete."""
    if piece.stop is None:
        piece.stop = piece.download.partial.total = piece.start
    if piece.start < piece.stop:
        raise TransientError(f"The body ended {counted(piece.stop - piece.start, 'byte')} early.")
