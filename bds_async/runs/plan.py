"""The plan of a run, and what an earlier run left to finish before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from ..brightspace import Listing
from ..formats import Format
from ..ledger import Delivery
from ..models import Extract, Identity
from ..planning import RunPlan, Step, arrival_of_recovered
from ..report import Arrival, Outcome, Status
from ..support.threads import ZipThreads
from ..support.to_its_end import in_thread
from ..transfer import sweep
from .context import Storage
from .job import Formats, Job
from .outcomes import delivered


def recover(job: Job, listing: Listing, storage: Storage) -> list[Outcome]:
    """Finish what a killed run was publishing; its outcomes, since no report has had them yet. For a thread."""
    publisher = storage.publisher
    settled = publisher.recover()
    listed = {each.identity: each for extracts in listing.extracts.values() for each in extracts} if settled else {}
    return [
        delivered(
            extract := _extract(each, listed),
            each,
            Status.DOWNLOADED,
            schema_change=publisher.change_of(each),
            arrival=_arrival(extract, each, storage) if job.tells_arrival else None,
        )
        for each in settled
    ]


def _extract(delivery: Delivery, listed: Mapping[Identity, Extract]) -> Extract:
    """The extract as it is listed; as the ledger knows it where it is not listed, or was not asked for."""
    return listed.get(delivery.identity) or delivery.extract


def _arrival(extract: Extract, delivery: Delivery, storage: Storage) -> Arrival:
    return arrival_of_recovered(extract, delivery.folder, storage.ledger)


async def make_plan(job: Job, listing: Listing, storage: Storage, threads: ZipThreads) -> RunPlan:
    """The steps of a job; leftovers of extracts that are not wanted any more are removed."""
    plan = await in_thread(partial(_planned, job, listing, storage))
    if job.adopts:
        formats = job.formats(storage.ledger)
        plan = replace(plan, steps=tuple([await _adopted(step, job, storage, threads, formats) for step in plan.steps]))
    if plan.unfinished is not None:
        await in_thread(partial(sweep, storage.workspace, plan.unfinished))
    return plan


def _planned(job: Job, listing: Listing, storage: Storage) -> RunPlan:
    storage.ledger.folders.gather(listing.extracts)
    return job.plan(listing, storage)


async def _adopted(step: Step, job: Job, storage: Storage, threads: ZipThreads, formats: Formats) -> Step:
    """The step, done if a whole file is in its place that the ledger does not know."""
    if step.delivered is not None:
        return step
    form: Format = formats[step.kind]
    work = partial(storage.publisher.adopt, step, form, job.options.verify, threads.watch)
    return replace(step, delivered=await threads.run(work))
