"""The jobs, whole: `pull` makes a folder hold the chosen extracts. Here the parts are wired together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from .auth import TokenRefresher
from .catalogue import read_catalogue
from .config import Config
from .delivery import DeliveryRun, ZipThreads
from .download import Download
from .errors import BdsError
from .events import Ended, Event, Finished, Held, Observer, Planned, unobserved
from .folder import FolderLock, prepare
from .gate import Gate
from .grants import grant_for
from .ledger import Delivery, Ledger
from .listing import Listing, list_extracts
from .options import PullOptions, RunOptions
from .partial import Partial, sweep
from .plan import select
from .publish import Publisher
from .pull_plan import PullPlan, Step, chained, plan_pull, skipped
from .report import RunLog, RunReport
from .running import Stop, beside, time_limit
from .tenant import Tenant
from .transport import Transport

DEFAULT_FOLDER = Path("bds-data")


@dataclass(frozen=True, slots=True)
class Connection:
    """One tenant, ready to be asked."""

    tenant: Tenant
    refresher: TokenRefresher
    gate: Gate


@asynccontextmanager
async def connect(config: Config, options: RunOptions, observer: Observer) -> AsyncIterator[Connection]:
    """Open the session to a tenant; nothing is sent yet. Raises ConfigError."""
    gate = Gate(lambda why, seconds: observer(Held(why, seconds)))
    async with (
        Transport(connections=options.workers, stall_timeout=options.stall_timeout) as transport,
        TokenRefresher(grant_for(config)) as refresher,
    ):
        tenant = Tenant(config.bspace_url, transport, refresher, gate, attempts=options.attempts)
        yield Connection(tenant, refresher, gate)


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
            job = _Pull(config, to, options, ledger=ledger, connection=connection, observer=observer)
            return await job.run(stop or Stop())


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
        connection: Connection,
        observer: Observer,
    ) -> None:
        self._config = config
        self._to = to
        self._options = options
        self._ledger = ledger
        self._connection = connection
        self._observer = observer
        self._log = RunLog("pull", config.bspace_url)

    async def run(self, stop: Stop) -> RunReport:
        """Do the work beside the token refresher, the stop and the clock; tell Finished however it ends."""
        limits = [time_limit(self._options.max_time)] if self._options.max_time is not None else []
        exit_code = 1
        try:
            await beside(self._work(), self._connection.refresher.run(), stop.obey(), *limits)
            exit_code = self._log.exit_code
        except BdsError as error:
            exit_code = error.exit_code
            raise
        finally:
            report = self._report(exit_code)
            if self._log.has_plan:
                self._observer(Finished(report))
        return report

    def _report(self, exit_code: int) -> RunReport:
        self._log.counters.token_refreshes = self._connection.refresher.refreshes
        self._log.counters.rate_limit_waits = self._connection.gate.waits
        return self._log.report(exit_code)

    async def _work(self) -> None:
        with ZipThreads() as threads:
            publisher = Publisher(self._to, self._ledger, threads.executor)
            await publisher.reconcile()
            listing = await _list(self._connection.tenant, self._config, self._options)
            pull_plan = await asyncio.to_thread(plan_pull, listing, self._options, self._ledger, self._to)
            self._log.plan([step.extract for step in pull_plan.steps], listing.failed)
            downloads = await self._downloads(pull_plan, publisher)
            self._observer(
                Planned(tuple(download.extract for download in downloads), len(pull_plan.steps) - len(downloads))
            )
            run = DeliveryRun(self._connection.tenant, publisher, self._options, observer=self._watch, threads=threads)
            await run.deliver(downloads)

    async def _downloads(self, pull_plan: PullPlan, publisher: Publisher) -> list[Download]:
        """What is to be fetched; what is there already is noted, adopted where the ledger did not know it."""
        fetch: list[Step] = []
        for step in pull_plan.steps:
            delivery = step.delivered or await self._adopted(step, publisher)
            if delivery is None:
                fetch.append(step)
            else:
                self._log.note(skipped(step.extract, delivery))
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

    def _watch(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._log.note(event.outcome)
            self._log.counters.retries += max(0, event.outcome.attempts - 1)
        self._observer(event)
