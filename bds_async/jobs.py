"""The jobs, whole: `pull` makes a folder hold the chosen extracts. Here the parts are wired together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .catalogue import read_catalogue
from .config import Config
from .connection import connect
from .course import Course
from .delivery import DeliveryRun
from .download import Download
from .events import Observer, Planned, unobserved
from .folder import FolderLock, prepare
from .ledger import Delivery, Ledger
from .listing import Listing, list_extracts
from .options import PullOptions, RunOptions
from .partial import Partial, sweep
from .plan import select
from .publish import Publisher
from .pull_plan import PullPlan, Step, chained, plan_pull, skipped
from .report import RunReport
from .running import Stop, beside
from .tenant import Tenant
from .zip_threads import ZipThreads

DEFAULT_FOLDER = Path("bds-data")


async def pull(
    config: Config,
    to: Path = DEFAULT_FOLDER,
    options: PullOptions | None = None,
    *,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> RunReport:
    """Make the folder `to` hold the chosen extracts, and report what became of each.

    An extract that fails is an outcome in the report (exit code 3). What stops the run is raised: ConfigError,
    AuthorisationError, DestinationError, FolderBusy, UnreachableError, CatalogueError, Stopped; once there was a plan,
    the observer has been told Finished with the report all the same.
    """
    options = options or PullOptions()
    prepare(to)
    with FolderLock(to), Ledger.open(to, config.bspace_url) as ledger:
        async with connect(config, options, observer) as connection:
            course = Course("pull", connection, observer, options.max_time)
            job = _Pull(config, to, options, ledger=ledger, tenant=connection.tenant, course=course)
            return await course.run(job.work(), stop or Stop())


async def preview_pull(config: Config, to: Path = DEFAULT_FOLDER, options: PullOptions | None = None) -> PullPlan:
    """What `pull` would do now: nothing is downloaded, made or locked. Raises as `pull` does."""
    options = options or PullOptions()
    with Ledger.read(to, config.bspace_url) as ledger:
        async with connect(config, options, unobserved) as connection:
            listing = await beside(_list(connection.tenant, config, options), connection.refresher.run())
            return plan_pull(listing, options, ledger, to)


async def read_listing(config: Config, options: RunOptions | None = None) -> Listing:
    """What the tenant offers: the chosen data sets and every extract that is listed of them. Raises as `pull` does."""
    options = options or RunOptions()
    async with connect(config, options, unobserved) as connection:
        return await beside(_list(connection.tenant, config, options), connection.refresher.run())


async def _list(tenant: Tenant, config: Config, options: RunOptions) -> Listing:
    found = await read_catalogue(tenant, config.api_version)
    chosen = select(found.data_sets, options.data_set, options.exclude)
    return await list_extracts(found, chosen, options.workers)


class _Pull:
    """One pull, its parts wired together; the folder's lock is held."""

    def __init__(
        self,
        config: Config,
        to: Path,
        options: PullOptions,
        *,
        ledger: Ledger,
        tenant: Tenant,
        course: Course,
    ) -> None:
        self._config = config
        self._to = to
        self._options = options
        self._ledger = ledger
        self._tenant = tenant
        self._course = course

    async def work(self) -> int:
        """From the listing to the published files; the exit code that the outcomes mean."""
        with ZipThreads() as threads:
            publisher = Publisher(self._to, self._ledger, threads.executor)
            await publisher.reconcile()
            listing = await _list(self._tenant, self._config, self._options)
            pull_plan = await asyncio.to_thread(plan_pull, listing, self._options, self._ledger, self._to)
            self._course.log.plan([step.extract for step in pull_plan.steps], listing.failed)
            downloads = await self._downloads(pull_plan, publisher)
            await self._deliver(downloads, len(pull_plan.steps) - len(downloads), publisher, threads)
        return self._course.log.exit_code

    async def _deliver(
        self, downloads: list[Download], skipped: int, publisher: Publisher, threads: ZipThreads
    ) -> None:
        watch = self._course.watch
        watch(Planned(tuple(download.extract for download in downloads), skipped))
        await DeliveryRun(self._tenant, publisher, self._options, observer=watch, threads=threads).deliver(downloads)

    async def _downloads(self, pull_plan: PullPlan, publisher: Publisher) -> list[Download]:
        """What is to be fetched; what is there already is noted, adopted where the ledger did not know it."""
        fetch: list[Step] = []
        for step in pull_plan.steps:
            delivery = step.delivered or await self._adopted(step, publisher)
            if delivery is None:
                fetch.append(step)
            else:
                self._course.log.note(skipped(step.extract, delivery))
        self._sweep(pull_plan)
        return chained(
            [
                Download(step.extract, step.path, Partial.load(self._to, step.extract.identity), self._options.attempts)
                for step in fetch
            ]
        )

    async def _adopted(self, step: Step, publisher: Publisher) -> Delivery | None:
        if self._options.force:
            return None
        return await publisher.adopt(step.extract, step.path, self._options.verify)

    def _sweep(self, pull_plan: PullPlan) -> None:
        """Remove partial files of extracts that nobody lists any more; a partial listing can't tell."""
        if pull_plan.covers_everything:
            sweep(self._to, pull_plan.partial_keys)
