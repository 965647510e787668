"""The steps of a plan on the workers of a cluster: links, plan and ledger stay here, the bytes go there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from yarl import URL

from ... import errors
from ...brightspace import Tries, retrying, to_url
from ...brightspace.retry import full_jitter
from ...columns import Columns
from ...destination import Published
from ...errors import BdsError, ExtractError, PersonMustAct, UnreachableError
from ...events import Entered, Observer, Phase, Received, Sized, Started
from ...options import RunOptions
from ...support.clock import Stopwatch
from ...support.pool import Pool
from ...support.slots import Slots
from ...support.text import counted
from ...support.threads import ZipThreads
from ...support.to_its_end import in_thread, to_its_end
from ...transfer import Bodies, Download
from ..context import RunContext
from ..delivery import Fetch
from ..job import Formats
from ..one_extract import FetchOptions
from ..settling import Settling
from ..turns import all_settled
from .connection import Cluster, ClusterLost
from .values import LOST, Answer, Expired, Failed, Order, Ready
from .work import fetch_extract

#: Workers that may be lost with one extract before it fails: it may be what kills them.
MOST_LOST = 10


@dataclass(frozen=True, slots=True)
class Here:
    """What this machine fetches with."""

    context: RunContext
    formats: Formats
    observer: Observer
    threads: ZipThreads
    stopwatch: Stopwatch

    async def deliver(self, download: Download, options: RunOptions) -> None:
        """Deliver one download by one body, which already counts against the shared bound."""
        context = replace(self.context, bodies=None)
        fetch = Fetch(
            context,
            self.formats,
            replace(options, workers=1),
            observer=self.observer,
            threads=self.threads,
            stopwatch=self.stopwatch,
        )
        await fetch.deliver([download])


class ClusterFetch:
    """Delivers downloads by a cluster; those of one data set one at a time, in queued order.

    Extracts that the tenant serves itself, without a signed link, are fetched on this machine.
    """

    def __init__(self, here: Here, cluster: Cluster, options: RunOptions) -> None:
        self._here = here
        self._tenant = here.context.connection.tenant
        self._storage = here.context.storage
        self._bodies = here.context.bodies or Bodies(None)
        self._cluster = cluster
        self._options = options
        self._observer = here.observer
        self._settling = Settling(here.observer)
        self._pool: Pool[Download] = Pool(options.workers, self._deliver)
        self._numbers = Slots(options.workers)
        self._next: dict[Download, Download] = {}

    async def deliver(self, downloads: Sequence[Download]) -> None:
        """Fetch, verify and publish every download. Raises an exception group with whatever ends the whole run."""
        if self._options.limit_rate is not None:
            # Each slot gets an equal share, so the number of slots must not grow.
            share = self._options.limit_rate / self._cluster.slots.fix(self._options.workers)
            self._options = replace(self._options, limit_rate=max(1, int(share)))
        self._next = {each.predecessor: each for each in downloads if each.predecessor is not None}
        for download in downloads:
            if download.predecessor is None:
                self._put(download)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._cluster.watch())
            await self._pool.run(all_settled(downloads))
            watch.cancel()

    def _put(self, download: Download) -> None:
        self._pool.put(download, download.listed_size)

    async def _deliver(self, download: Download) -> None:
        """Deliver one download, then let the next one of its data set begin."""
        async with self._cluster.slots.one(), self._bodies.one_of(self._tenant, self._tenant.origin):
            if download.begin():
                self._observer(Started(download.extract, 0))
            try:
                await self._settled(download)
            except ClusterLost:
                raise
            except (ExtractError, UnreachableError) as error:
                self._settling.fail(download, error)
        if (successor := self._next.get(download)) is not None:
            self._put(successor)

    async def _settled(self, download: Download) -> None:
        """Ask workers until the download is published; raises the error that fails it or ends the run."""
        pins, lost, idle, held = await in_thread(partial(self._pins, download)), 0, 0, 0
        while True:
            link = await self._signed(download)
            if link is None:
                await self._fetch_here(download)
                return
            answer = await self._answer(download, link, pins)
            match answer:
                case Ready():
                    # A file that is placed gets its outcome, even if the run is being stopped.
                    await to_its_end(self._publish(download, answer, pins))
                    return
                case Expired(progress):
                    idle, held = (1, progress.held_bytes) if progress.held_bytes > held else (idle + 1, held)
                    await self._wait_for_another_link(idle)
                case Failed(_, kind) if kind != LOST:
                    raise error_of(answer)
                case Failed():
                    lost += 1
                    if lost >= MOST_LOST:
                        raise ExtractError(f"{counted(lost, 'worker')} were lost while they had it.")

    async def _wait_for_another_link(self, idle: int) -> None:
        """Wait before the next link is requested; raises ExtractError after too many links without progress."""
        if idle >= self._options.attempts:
            what = f"{counted(idle, 'fresh signed link')} in a row were refused"
            raise ExtractError(f"{what}, or led to a storage that workers cannot reach.")
        if idle > 1:
            await asyncio.sleep(full_jitter(idle))

    async def _signed(self, download: Download) -> URL | None:
        """Request the signed link of a download; None if the tenant serves the extract itself."""
        link = to_url(download.extract.download_link)
        async for attempt in retrying(Tries(self._options.attempts), download.extract):
            download.failures += attempt.retry_state.attempt_number > 1
            with attempt:
                return await self._tenant.outlasting(partial(self._tenant.signed_link, link))
        raise AssertionError("unreachable: the last failure is raised")

    async def _answer(self, download: Download, link: URL, pins: Columns | None) -> Answer:
        options = self._options
        order = Order(
            address=str(link),
            origin=str(self._tenant.origin),
            step=download.step,
            options=FetchOptions(
                attempts=options.attempts,
                stall_timeout=options.stall_timeout,
                verify=options.verify,
                limit_rate=options.limit_rate,
            ),
            place=self._cluster.place,
            pins=pins,
        )
        with self._numbers.taken() as number:
            answer: Answer = await self._cluster.ask(fetch_extract, order, download.worker)
        progress = answer.progress
        download.made.take_over(progress.attempts, number, self._here.stopwatch.seconds - progress.seconds)
        download.failures += progress.failures
        download.worker = progress.worker or download.worker
        return answer

    async def _fetch_here(self, download: Download) -> None:
        download.worker = socket.gethostname()
        await self._here.deliver(download, self._options)

    async def _publish(self, download: Download, ready: Ready, pins: Columns | None) -> None:
        extract = download.extract
        self._observer(Sized(extract, ready.checked.bytes))
        self._observer(Received(extract, ready.checked.bytes))
        self._observer(Entered(extract, Phase.PUBLISHING))
        published = await in_thread(partial(self._published, download, ready, pins))
        self._settling.publish(download, ready.checked, published)

    def _pins(self, download: Download) -> Columns | None:
        """The columns to write; None if they are not pinned."""
        return self._storage.ledger.columns.pinned(download.step.folder) if self._options.pin_columns else None

    def _published(self, download: Download, ready: Ready, pins: Columns | None) -> Published:
        columns, folder = self._storage.ledger.columns, download.step.folder
        if self._options.pin_columns and columns.stored_pin(folder) is None:
            columns.pin(folder, pins or ready.checked.columns)
        return self._storage.publisher.publish_brought(download.step, ready.checked, ready.brought)


def error_of(failed: Failed) -> BdsError:
    """Convert a worker's answer to its error: an ExtractError fails the extract, any other ends the run."""
    named = getattr(errors, failed.kind, None)
    kind = named if isinstance(named, type) and issubclass(named, BdsError) else BdsError
    if issubclass(kind, ExtractError):
        return ExtractError(failed.message)
    where = f"On the worker {failed.progress.worker}: {failed.message}"
    if issubclass(kind, PersonMustAct):
        return kind(where)
    return BdsError(f"{where} This is a defect in bds-async, please report it.")
