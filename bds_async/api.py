"""The jobs, whole: `pull` makes a folder hold the chosen extracts, `sync` delivers all that is new, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from .brightspace.catalogue.listing import Listing
from .brightspace.connection import connect
from .config.settings import Config
from .destination.publishing import Publisher
from .events import Observer, unobserved
from .ledger import Delivery, Ledger, opened
from .models import Identity
from .options import PullOptions, RunOptions, SyncOptions
from .planning.pull import plan_pull
from .planning.steps import RunPlan, Step
from .planning.sync import SyncPlan, arrivals_of, looked_at, plan_sync
from .planning.warnings import nothing_to_sync, turned_to_another_form, unknown_files
from .report import Arrival, Outcome, RunReport, breaks_columns
from .runs.course import Course
from .runs.job import Job, Options, Wiring, list_chosen
from .support.running import Stop, beside
from .workspace.file_names import published_files
from .workspace.folder import FolderLock, ledger_path, prepare

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
    return await _run("pull", _Pull, config, to, options or PullOptions(), observer=observer, stop=stop)


async def sync(
    config: Config,
    to: Path = DEFAULT_FOLDER,
    options: SyncOptions | None = None,
    *,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> RunReport:
    """Deliver everything new since the last sync to the folder `to`, each extract once, and report it.

    For each data set: at first the newest full and each differential queued after it, later each new differential, in
    queued order. It goes by the ledger alone, so that whoever takes files away gets none again. Differentials that came
    and went unseen are a gap: the newest full is delivered if it covers that, else the gap stays open, which is exit
    code 3 as a failed extract is. Raises as `pull` does.
    """
    return await _run("sync", _Sync, config, to, options or SyncOptions(), observer=observer, stop=stop)


async def preview_pull(config: Config, to: Path = DEFAULT_FOLDER, options: PullOptions | None = None) -> RunPlan:
    """What `pull` would do now: nothing is downloaded, made or locked. Raises as `pull` does."""
    options = options or PullOptions()
    with await opened(partial(Ledger.read, ledger_path(to), config.bspace_url, place=to)) as ledger:
        return plan_pull(await read_listing(config, options), options, ledger, to)


async def preview_sync(config: Config, to: Path = DEFAULT_FOLDER, options: SyncOptions | None = None) -> SyncPlan:
    """What `sync` would do now: nothing is downloaded, made or locked. Raises as `pull` does."""
    options = options or SyncOptions()
    with await opened(partial(Ledger.read, ledger_path(to), config.bspace_url, place=to)) as ledger:
        return _planned_sync(await read_listing(config, options), options, ledger, to)


async def read_listing(config: Config, options: RunOptions | None = None) -> Listing:
    """What the tenant offers: the chosen data sets and every extract that is listed of them. Raises as `pull` does."""
    options = options or RunOptions()
    async with connect(config, options, unobserved) as connection:
        return await beside(list_chosen(connection.tenant, config, options), connection.refresher.run())


def _planned_sync(listing: Listing, options: SyncOptions, ledger: Ledger, to: Path) -> SyncPlan:
    plan = plan_sync(listing, options, ledger)
    is_new = bool(plan.steps) and next(ledger.deliveries.all(), None) is None
    unknown = sum(1 for _ in published_files(to)) if is_new else 0
    listed = [extract.identity for extracts in listing.extracts.values() for extract in extracts]
    other_form = turned_to_another_form(ledger.deliveries.delivered_many(listed).values(), options.publish_as)
    warnings = (unknown_files(unknown), plan.warning, other_form)
    return replace(
        plan,
        nothing="" if plan.steps else nothing_to_sync(listing, options),
        warning=" ".join(filter(None, warnings)),
    )


async def _run(
    command: str,
    kind: type[Job[Options]],
    config: Config,
    to: Path,
    options: Options,
    *,
    observer: Observer,
    stop: Stop | None,
) -> RunReport:
    """One run of a job, alone in the folder, with a session of its own."""
    stop = stop or Stop()
    await asyncio.to_thread(prepare, to)
    opening = partial(Ledger.open, ledger_path(to), config.bspace_url, place=to)
    with FolderLock(to), await beside(opened(opening), stop.obey()) as ledger:
        async with connect(config, options, observer) as connection:
            course = Course(command, connection, observer, options.max_time, ledger.hurry)
            job = kind(Wiring(config, to, options, ledger, connection.tenant, course))
            return await course.run(job.work(), stop)


class _Pull(Job[PullOptions]):
    def plan(self, listing: Listing) -> RunPlan:
        """What the options choose; it counts as a look for the next sync, too."""
        self.wiring.ledger.syncs.keep(looked_at(listing, self.wiring.ledger))
        return plan_pull(listing, self.wiring.options, self.wiring.ledger, self.wiring.to)

    async def present(self, step: Step, publisher: Publisher) -> Delivery | None:
        """What the ledger does not know may lie there all the same: it is verified and adopted."""
        if step.delivered is not None or self.wiring.options.force:
            return step.delivered
        return await publisher.adopt(step.extract, step.path, self.wiring.options.verify)


class _Sync(Job[SyncOptions]):
    def plan(self, listing: Listing) -> RunPlan:
        """All that is new; the ledger is told what was seen."""
        ledger = self.wiring.ledger
        plan = _planned_sync(listing, self.wiring.options, ledger, self.wiring.to)
        ledger.syncs.keep(plan.kept)
        return plan

    def arrivals(self, left: Sequence[Outcome]) -> Mapping[Identity, Arrival]:
        """As the killed run would have told it."""
        return arrivals_of(left, self.wiring.ledger)

    @property
    def exit_code(self) -> int:
        """3 besides for a gap that stays open and, where that is asked for, for a breaking change of columns."""
        log = self.wiring.course.log
        is_open = any(gap.closed_by is None for gap in log.survey().gaps)
        is_broken = self.wiring.options.strict_schema and breaks_columns(log.outcomes)
        return 3 if is_open or is_broken else super().exit_code
