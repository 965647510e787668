"""What every job that delivers extracts has in common: from the listing by a plan to published files and a report."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ..brightspace.catalogue.catalogue import read_catalogue
from ..brightspace.catalogue.listing import Listing, list_extracts
from ..brightspace.tenant import Tenant
from ..config.settings import Config
from ..destination.publishing import Publisher
from ..destination.recovery import finish_leftovers
from ..events import Planned, Warned
from ..formats.pins import FirstColumns
from ..ledger import Delivery, Ledger
from ..models import Identity
from ..options import RunOptions
from ..planning.gaps import gap_of
from ..planning.placement import by_folder
from ..planning.selection import select
from ..planning.steps import RunPlan, Step, chained, skipped
from ..planning.warnings import breaks_with_columns
from ..report import Arrival, Completeness, Outcome
from ..support.threads import ZipThreads
from ..transfer.download import Download
from ..transfer.partial import Partial, sweep
from .course import Course
from .delivery import DeliveryRun
from .run_log import Survey

Options = TypeVar("Options", bound=RunOptions)


async def list_chosen(tenant: Tenant, config: Config, options: RunOptions) -> Listing:
    """The extract lists of the data sets that the options choose; raises as `pull` does."""
    found = await read_catalogue(tenant, config.api_version)
    chosen = select(found.data_sets, options.data_set, options.exclude)
    return await list_extracts(found, chosen, options.workers)


@dataclass(frozen=True, slots=True)
class Wiring(Generic[Options]):
    """What a job works with; the lock of the folder `to` is held."""

    config: Config
    to: Path
    options: Options
    ledger: Ledger
    tenant: Tenant
    course: Course


class Job(ABC, Generic[Options]):
    """One run of a job. What it chooses is its plan; all else is the same for every job."""

    def __init__(self, wiring: Wiring[Options]) -> None:
        self.wiring = wiring

    @abstractmethod
    def plan(self, listing: Listing) -> RunPlan:
        """What is to be delivered; called in a thread. The ledger may be told of it."""

    def arrivals(self, left: Sequence[Outcome]) -> Mapping[Identity, Arrival]:  # noqa: ARG002
        """How those extracts came, in the course of their data sets, that a killed run had left; called in a thread."""
        return {}

    async def present(self, step: Step, publisher: Publisher) -> Delivery | None:  # noqa: ARG002
        """What is in the folder already of a planned extract."""
        return step.delivered

    @property
    def exit_code(self) -> int:
        """What the outcomes mean, once everything has one; asked for in a thread."""
        return self.wiring.course.log.exit_code

    async def work(self) -> int:
        """From the listing to the published files; the exit code that the outcomes mean."""
        wiring, log = self.wiring, self.wiring.course.log
        with ZipThreads() as threads:
            publisher = Publisher(wiring.to, wiring.ledger, threads.executor)
            listing = await list_chosen(wiring.tenant, wiring.config, wiring.options)
            # Not before: a run that gets no listing has no report to tell of them.
            left = await finish_leftovers(publisher, listing)
            arrivals = await asyncio.to_thread(self.arrivals, left)
            plan = await asyncio.to_thread(self._planned, listing)
            log.survey_by(lambda: self._survey(listing))
            log.conclude_by(lambda: wiring.ledger.gaps.settle(wiring.ledger.folders.folders_for(listing.extracts)))
            extracts = [*(outcome.extract for outcome in left), *(step.extract for step in plan.steps)]
            log.plan(extracts, plan.failed_lists, {**arrivals, **plan.arrivals})
            for outcome in left:
                self._note_leftover(outcome)
            downloads = await self._downloads(plan, publisher)
            self._tell(plan, downloads)
            await self._deliver(downloads, publisher, threads)
        # In a thread, as all that may wait for the ledger: a signal is answered meanwhile.
        return await asyncio.to_thread(lambda: self.exit_code)

    def _note_leftover(self, outcome: Outcome) -> None:
        self.wiring.course.log.note(outcome)
        if warning := breaks_with_columns(outcome.extract, outcome.schema_change):
            self.wiring.course.watch(Warned(warning))

    def _planned(self, listing: Listing) -> RunPlan:
        self.wiring.ledger.folders.gather(listing.extracts)
        return self.plan(listing)

    def _tell(self, plan: RunPlan, downloads: Sequence[Download]) -> None:
        watch, extracts = self.wiring.course.watch, tuple(download.extract for download in downloads)
        watch(Planned(extracts, len(plan.steps) - len(extracts), plan.nothing))
        if plan.warning:
            watch(Warned(plan.warning))

    async def _deliver(self, downloads: Sequence[Download], publisher: Publisher, threads: ZipThreads) -> None:
        wiring, watch = self.wiring, self.wiring.course.watch
        pins = FirstColumns(wiring.ledger) if wiring.options.pin_columns else None
        run = DeliveryRun(wiring.tenant, publisher, wiring.options, observer=watch, threads=threads, pins=pins)
        await run.deliver(downloads)

    async def _downloads(self, plan: RunPlan, publisher: Publisher) -> list[Download]:
        """What is to be fetched; what is there already is noted."""
        fetch: list[Step] = []
        for step in plan.steps:
            delivery = await self.present(step, publisher)
            if delivery is None:
                fetch.append(step)
            elif not self.wiring.course.log.tells_of(step.extract.identity):
                self.wiring.course.log.note(skipped(step.extract, delivery))
        if plan.partial_keys is not None:
            sweep(self.wiring.to, plan.partial_keys)
        return chained(map(self._download, fetch))

    def _download(self, step: Step) -> Download:
        partial = Partial.load(self.wiring.to, step.extract.identity)
        return Download(step.extract, step.path, partial, self.wiring.options.attempts)

    def _survey(self, listing: Listing) -> Survey:
        """How complete the data sets are now, and which gaps are open or have been closed."""
        ledger = self.wiring.ledger
        folders = {folder: data_set for folder, (data_set, _) in by_folder(listing.extracts, ledger).items()}
        gaps = ledger.gaps.known(folders)
        return Survey(
            [
                Completeness(data_set.name, data_set.schema_id, ledger.complete_through(folder))
                for folder, data_set in folders.items()
            ],
            [gap_of(folders[gap.folder], gap.missed, gap.closed_by) for gap in gaps],
        )
