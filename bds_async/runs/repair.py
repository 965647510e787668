"""Repair of a folder: what is bad or missing, and still listed, is fetched again; whole files replace whole files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..brightspace.catalogue.catalogue import read_catalogue
from ..brightspace.catalogue.listing import Listing, list_extracts
from ..brightspace.connection import connect
from ..brightspace.tenant import Tenant
from ..config.settings import Config
from ..destination.publishing import Publisher
from ..events import Observer, Planned, unobserved
from ..formats.pins import DeliveredColumns
from ..ledger import Ledger, opened
from ..models import Extract, Identity
from ..options import RunOptions
from ..planning.steps import chained
from ..report import Outcome, Status
from ..support.running import Stop, beside, time_limits
from ..support.threads import ZipThreads
from ..transfer.download import Download
from ..transfer.partial import Partial
from ..workspace.folder import FolderLock, ledger_path, prepare
from .course import Course
from .delivery import DeliveryRun
from .discrepancies import Discrepancy, Remedy, Verification
from .verification import demand_ledger, examine


async def repair(
    config: Config,
    to: Path,
    options: RunOptions | None = None,
    *,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> Verification:
    """Verify the folder `to`, fetch again what is not right, and say what became of each file.

    A file keeps its name and its kind, zip or CSV, and a CSV its columns; one that can't be had again stays as it is.
    Nothing is asked of the tenant if nothing is to be repaired. Of `options`, the choice of data sets and the kind of
    files do not count. Raises as `pull` does.
    """
    options, stop = options or RunOptions(), stop or Stop()
    began = time.monotonic()
    demand_ledger(to)
    prepare(to)
    opening = partial(Ledger.open, ledger_path(to), config.bspace_url, place=to)
    with FolderLock(to), await beside(opened(opening), stop.obey()) as ledger:
        examined = _examined(to, ledger, options, observer)
        found = await beside(examined, stop.obey(), *time_limits(options.max_time))
        if not found.repairable:
            return found
        left = options.max_time and max(0.0, options.max_time - (time.monotonic() - began))
        async with connect(config, options, observer) as connection:
            course = Course("verify", connection, observer, left, ledger.hurry)
            job = _Repair(config, to, options, ledger=ledger, tenant=connection.tenant, course=course)
            await course.run(job.work(found), stop)
            return job.result


async def _examined(to: Path, ledger: Ledger, options: RunOptions, observer: Observer) -> Verification:
    with ZipThreads() as threads:
        await Publisher(to, ledger, threads.executor).reconcile()
    return await examine(to, ledger, options.verify, observer)


class _Repair:
    """One repair, its parts wired together; `result` is there once `work` is done."""

    def __init__(
        self, config: Config, to: Path, options: RunOptions, *, ledger: Ledger, tenant: Tenant, course: Course
    ) -> None:
        self.result = Verification(0, ())
        self._config = config
        self._to = to
        self._options = options
        self._ledger = ledger
        self._tenant = tenant
        self._course = course

    async def work(self, found: Verification) -> int:
        """Fetch what is listed of the files that are not right; the exit code that this leaves."""
        wanted = found.repairable
        listing = await self._listing(wanted)
        downloads = chained(self._download(extract, wanted) for extract in _listed(listing, wanted))
        self._course.log.plan([download.extract for download in downloads], listing.failed)
        self._course.watch(Planned(tuple(download.extract for download in downloads), 0))
        with ZipThreads() as threads:
            publisher = Publisher(self._to, self._ledger, threads.executor)
            watch, pins = self._course.watch, DeliveredColumns(self._ledger)
            run = DeliveryRun(self._tenant, publisher, self._options, observer=watch, threads=threads, pins=pins)
            await run.deliver(downloads)
        outcomes = {download.extract.identity: download.outcome for download in downloads}
        self.result = replace(
            found, discrepancies=tuple(_remedied(each, outcomes, listing) for each in found.discrepancies)
        )
        return self.result.exit_code

    async def _listing(self, wanted: dict[Identity, Discrepancy]) -> Listing:
        """The extract lists of those data sets alone that have something to be fetched."""
        plugins = {identity.plugin_id for identity in wanted}
        found = await read_catalogue(self._tenant, self._config.api_version)
        chosen = [data_set for data_set in found.data_sets if plugins.intersection(data_set.ids)]
        return await list_extracts(found, chosen, self._options.workers)

    def _download(self, extract: Extract, wanted: dict[Identity, Discrepancy]) -> Download:
        partial = Partial.load(self._to, extract.identity)
        return Download(extract, wanted[extract.identity].path, partial, self._options.attempts)


def _listed(listing: Listing, wanted: dict[Identity, Discrepancy]) -> Iterator[Extract]:
    for extracts in listing.extracts.values():
        yield from sorted(
            (extract for extract in extracts if extract.identity in wanted), key=lambda extract: extract.age_key
        )


def _remedied(found: Discrepancy, outcomes: dict[Identity, Outcome | None], listing: Listing) -> Discrepancy:
    if found.delivery is None:
        return found
    outcome = outcomes.get(found.delivery.identity)
    if outcome is not None and outcome.status is Status.DOWNLOADED:
        return replace(found, remedy=Remedy.REPAIRED)
    if outcome is not None:
        return replace(found, remedy=Remedy.FAILED, error=outcome.error)
    for failed in listing.failed:
        if failed.data_set == found.delivery.data_set or failed.schema_id == found.delivery.schema_id is not None:
            return replace(found, remedy=Remedy.FAILED, error=failed.error)
    return replace(found, remedy=Remedy.UNLISTED, error="Brightspace does not list it any more.")
