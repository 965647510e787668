"""From a list of downloads to their outcomes: the pool fetches pieces, whole files are verified and published."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..brightspace.tenant import Tenant
from ..columns import SchemaChange
from ..destination.publishing import Publisher
from ..errors import AnotherRunMayHelp, ExtractError, UnreachableError, VerificationError
from ..events import Ended, Observer, Restarted, Warned
from ..formats.archive import Checked, check, unzip_csv
from ..formats.pins import AllColumns, ColumnPins
from ..options import PublishAs, RunOptions
from ..planning.warnings import breaks_with_columns
from ..report import Outcome
from ..support.pool import Pool
from ..support.threads import ZipThreads
from ..support.to_its_end import to_its_end
from ..transfer.download import Download, Piece
from ..transfer.fetch import Transfer
from ..transfer.outcomes import failed, published
from ..workspace.folder import free_space

logger = logging.getLogger(__name__)


class DeliveryRun:
    """Fetches, verifies and publishes; what becomes of each download is an outcome, told to the observer."""

    def __init__(
        self,
        tenant: Tenant,
        publisher: Publisher,
        options: RunOptions,
        *,
        observer: Observer,
        threads: ZipThreads,
        pins: ColumnPins | None = None,
    ) -> None:
        self._publisher = publisher
        self._options = options
        self._observer = observer
        self._threads = threads
        self._pins = pins or AllColumns()
        self._transfer = Transfer(tenant, self._queue, observer, stall_timeout=options.stall_timeout)
        self._pool: Pool[Piece] = Pool(options.workers, self._fetch)
        self._finishing: asyncio.TaskGroup | None = None

    async def deliver(self, downloads: Sequence[Download]) -> None:
        """Bring every download to its outcome; raises (in a group) what stops the whole run."""
        self._compare_with_free_space(downloads)
        async with asyncio.TaskGroup() as self._finishing:
            for download in downloads:
                if (piece := download.first_piece()) is not None:
                    self._queue(piece)
                self._finish_if_whole(download)
            await self._pool.run(_all_settled(downloads))

    def _compare_with_free_space(self, downloads: Sequence[Download]) -> None:
        """Warn of a plan that has no room. No more than that: listed sizes may be wrong, and each file is measured."""
        wanted = sum(max(0, (each.extract.download_size or 0) - each.partial.held_bytes) for each in downloads)
        if wanted and wanted > (free := free_space(downloads[0].partial.path.parent)):
            text = f"{wanted:,} bytes are listed to be fetched and {free:,} are free: make room in the folder"
            self._observer(Warned(f"{text}, or the run will end when they are used up."))

    def _queue(self, piece: Piece) -> None:
        piece.download.under_way += 1
        self._pool.put(piece, piece.download.extract.download_size or 0)

    async def _fetch(self, piece: Piece) -> None:
        download = piece.download
        try:
            await self._transfer.fetch(piece)
        except (ExtractError, UnreachableError) as error:
            self._fail(download, error)
        download.under_way -= 1
        self._finish_if_whole(download)
        self._restart_if_abandoned(download)

    def _restart_if_abandoned(self, download: Download) -> None:
        """Whatever a server may have answered: a download that still misses bytes has a piece under way."""
        if download.under_way or download.is_settled or download.partial.is_whole:
            return
        try:
            self._queue(download.restart())
        except ExtractError as error:
            self._fail(download, error)

    def _finish_if_whole(self, download: Download) -> None:
        """A former run may have fetched everything, and ended before it could publish."""
        if download.is_ready_to_finish() and self._finishing is not None:
            self._finishing.create_task(self._finish(download))

    async def _finish(self, download: Download) -> None:
        """Verify a whole partial file, wait for the data set's earlier extracts, and give it its final name."""
        if self._pins.are_ordered:
            await _settled_before(download)
        try:
            staged, checked = await self._threads.run(partial(self._check, download))
            await self._publish(download, staged, checked)
        except VerificationError as error:
            self._reject(download, error)
        except ExtractError as error:
            download.partial.discard()
            self._fail(download, error)

    def _check(self, download: Download) -> tuple[Path, Checked]:
        zipped, csv = download.partial.path, download.partial.csv_path
        if not download.path.endswith(PublishAs.CSV.suffix):
            return zipped, check(zipped, self._options.verify, self._threads.watch)
        unzip = partial(unzip_csv, zipped, csv, free_space=free_space(csv.parent), watch=self._threads.watch)
        folder = download.path.partition("/")[0]
        return csv, self._pins.unzipped(folder, download.extract.identity, lambda wanted: unzip(wanted=wanted))

    async def _publish(self, download: Download, staged: Path, checked: Checked) -> None:
        await _settled_before(download)
        change = await self._publisher.schema_change(download.extract, download.path, checked)
        # What has got its name is told so, even if the run is being stopped.
        await to_its_end(self._name(download, staged, checked, change))

    async def _name(self, download: Download, staged: Path, checked: Checked, change: SchemaChange | None) -> None:
        delivery = await self._publisher.publish(download.extract, staged, download.path, checked)
        download.partial.discard()
        if warning := breaks_with_columns(download.extract, change):
            self._observer(Warned(warning))
        self._settle(download, published(download, delivery, change))

    def _reject(self, download: Download, error: VerificationError) -> None:
        logger.debug("%s: what came is no whole zip: %s", download.extract, error)
        lost, piece = download.partial.held_bytes, download.reject()
        if piece is None:
            self._fail(download, error)
            return
        self._observer(Restarted(download.extract, lost))
        self._queue(piece)

    def _fail(self, download: Download, error: AnotherRunMayHelp) -> None:
        if not download.is_settled:
            logger.debug("%s: given up: %s", download.extract, error)
            self._settle(download, failed(download, error))

    def _settle(self, download: Download, outcome: Outcome) -> None:
        download.settle(outcome)
        self._observer(Ended(outcome))


async def _settled_before(download: Download) -> None:
    """Wait for every extract of the same data set that comes before.

    One that was published has waited for those before it; one that failed has not.
    """
    earlier = download.predecessor
    while earlier is not None:
        await earlier.settled()
        earlier = earlier.predecessor if earlier.has_failed else None


async def _all_settled(downloads: Sequence[Download]) -> None:
    for download in downloads:
        await download.settled()
