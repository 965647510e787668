"""Delivery of downloads: the pool fetches pieces; whole files are verified and published."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from ..destination import Published
from ..errors import ExtractError, UnreachableError, VerificationError
from ..events import Entered, Observer, Phase, Restarted, Warned
from ..formats import Format, Staged, decode_zip
from ..options import RunOptions
from ..support.clock import Stopwatch
from ..support.pool import Pool
from ..support.prefix import Prefix
from ..support.running import started
from ..support.slots import Slots
from ..support.threads import ZipThreads
from ..transfer import Download, LinksAhead, Piece, RateLimit, Transfer
from ..workspace import free_space
from .context import RunContext
from .following import Following
from .job import Formats
from .publishing import GroupPublishing
from .settling import Settling
from .turns import all_settled, in_turn_before, settled_before

logger = logging.getLogger(__name__)

#: One worker in this many takes the smallest extracts first.
SMALL_SHARE = 4


class Fetch:
    """Fetches, verifies and publishes; each download keeps its outcome, and the observer gets it."""

    def __init__(
        self,
        context: RunContext,
        formats: Formats,
        options: RunOptions,
        *,
        observer: Observer,
        threads: ZipThreads,
        stopwatch: Stopwatch,
    ) -> None:
        self._lanes = context.storage.destination.lanes
        self._placing = Phase.PUBLISHING if context.storage.workspace.store is None else Phase.UPLOADING
        self._publishing = GroupPublishing(context.storage.publisher, self._published, self._lanes)
        self._formats = formats
        self._options = options
        self._observer = observer
        self._settling = Settling(observer)
        self._threads = threads
        self._following = Following(options.verify, threads)
        tenant = context.connection.tenant
        small = options.workers // SMALL_SHARE
        self._links = LinksAhead(tenant, options.workers - small, small)
        self._transfer = Transfer(
            tenant,
            self._queue,
            observer,
            links=self._links,
            rate=RateLimit(options.limit_rate),
            bodies=options.workers,
            stall_timeout=options.stall_timeout,
            shared=context.bodies,
            clock=lambda: stopwatch.seconds,
        )
        self._slots = Slots(options.workers)
        self._pool: Pool[Piece] = Pool(options.workers, self._fetch, small)
        self._finishing: asyncio.TaskGroup | None = None

    async def deliver(self, downloads: Sequence[Download]) -> None:
        """Fetch, verify and publish every download. Raises an exception group with whatever ends the whole run."""
        self._compare_with_free_space(downloads)
        async with asyncio.TaskGroup() as self._finishing:
            for download in downloads:
                if (piece := download.first_piece()) is not None:
                    self._queue(piece)
                self._finish_if_whole(download)
            self._links.expect(downloads, self._finishing)
            publishing = [self._finishing.create_task(self._publishing.run()) for _ in range(self._lanes)]
            await self._pool.run(all_settled(downloads))
            for lane in publishing:
                lane.cancel()

    def _compare_with_free_space(self, downloads: Sequence[Download]) -> None:
        """Warn if the plan exceeds the free space. Do not fail: listed sizes may be wrong, and each file is checked."""
        wanted = sum(max(0, each.listed_size - each.partial.held_bytes) for each in downloads)
        free = free_space(downloads[0].partial.path.parent) if wanted else None
        if free is not None and wanted > free:
            text = f"{wanted:,} bytes are listed to be fetched and {free:,} are free: make room in the folder"
            self._observer(Warned(f"{text}, or the run will end when they are used up.", "space.short"))

    def _queue(self, piece: Piece) -> None:
        piece.download.under_way += 1
        # The pieces of a large extract are taken before those of a smaller one.
        self._pool.put(piece, piece.size, rank=piece.download.listed_size)

    async def _fetch(self, piece: Piece) -> None:
        download = piece.download
        try:
            with self._slots.taken() as worker:
                await self._transfer.fetch(piece, worker)
        except (ExtractError, UnreachableError) as error:
            # A stale piece does not matter: the download goes on without it.
            if not piece.is_stale:
                self._settling.fail(download, error)
        download.under_way -= 1
        self._follow(download)
        self._finish_if_whole(download)
        self._restart_if_abandoned(download)

    def _restart_if_abandoned(self, download: Download) -> None:
        """Start over a download that still misses bytes but has no piece under way, whatever the server answered."""
        if download.under_way or download.is_settled or download.partial.is_whole:
            return
        try:
            self._queue(download.restart())
        except ExtractError as error:
            self._settling.fail(download, error)

    def _follow(self, download: Download) -> None:
        if self._finishing is not None and not download.is_settled:
            self._following.begin(download, self._formats[download.step.kind], self._finishing)

    def _finish_if_whole(self, download: Download) -> None:
        """Finish a download once it is whole; an earlier run may have fetched it all and ended before publishing."""
        if download.is_ready_to_finish() and self._finishing is not None:
            started(self._finishing, self._finish(download))

    async def _finish(self, download: Download) -> None:
        """Verify a whole partial file, wait for the data set's earlier extracts, and publish it."""
        form = self._formats[download.step.kind]
        if form.is_ordered:
            self._enter(download, Phase.WAITING)
            await settled_before(download)
        self._enter(download, form.staging)
        try:
            staged = await self._following.staged(download)
            if staged is None:
                staged = await self._threads.run(partial(self._stage, download, form))
        except VerificationError as error:
            self._reject(download, error)
        except ExtractError as error:
            download.partial.discard()
            self._settling.fail(download, error)
        else:
            self._enter(download, Phase.WAITING)
            # Only a single lane publishes in the order of `put`.
            await (in_turn_before if self._lanes == 1 else settled_before)(download)
            if download.is_settled:
                return
            self._enter(download, self._placing)
            self._publishing.put(download, staged)

    def _enter(self, download: Download, phase: Phase) -> None:
        if phase is not Phase.WAITING or download.predecessor is not None:
            self._observer(Entered(download.extract, phase))

    def _stage(self, download: Download, form: Format) -> Staged:
        path, watch = download.partial.path, self._threads.watch
        prefix = Prefix() if decode_zip(path, watch) else download.partial.prefix
        return form.stage(download.step, path, prefix, self._options.verify, watch)

    def _published(self, download: Download, staged: Staged, result: Published | ExtractError) -> None:
        if isinstance(result, ExtractError):
            download.partial.discard()
            self._settling.fail(download, result)
            return
        download.partial.hand_over()
        self._settling.publish(download, staged.checked, result)

    def _reject(self, download: Download, error: VerificationError) -> None:
        logger.debug("%s: the received file is no whole zip: %s", download.extract, error)
        download.made.spoil(str(error))
        lost, piece = download.partial.held_bytes, download.reject()
        if piece is None:
            self._settling.fail(download, error)
            return
        self._observer(Restarted(download.extract, lost))
        self._queue(piece)
