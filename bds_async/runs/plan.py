"""The plan of a run, and what an earlier run left to finish before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from ..brightspace import Listing
from ..destination import Size
from ..formats import Format
from ..ledger import Delivery
from ..models import Extract, Identity
from ..planning import Step, arrival_of_recovered
from ..report import Arrival, Outcome, Status
from ..support.threads import ZipThreads
from ..transfer import sweep
from .context import Storage
from .job import Formats, Job
from .outcomes import delivered
from .record import Record


def plan(record: Record, storage: Storage) -> None:
    """Finish what a killed run was publishing, then plan the job; for a thread.

    Both are written to the record at once, so that a run that is stopped meanwhile reports what was recovered.
    """
    record.recovered = recover(record.job, record.listing, storage)
    storage.ledger.folders.gather(record.listing.extracts)
    record.plan = record.job.plan(record.listing, storage)
    if record.plan.unfinished is not None:
        sweep(storage.workspace, record.plan.unfinished)


def recover(job: Job, listing: Listing, storage: Storage) -> list[Outcome]:
    """Finish what a killed run was publishing; its outcomes, since no report has had them yet."""
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


async def adopt(record: Record, storage: Storage, threads: ZipThreads) -> None:
    """Mark the steps as done for which a whole file is there that the ledger does not know, if the job adopts files."""
    if record.plan is None or not record.job.adopts:
        return
    formats, size = record.job.formats(storage.ledger), storage.destination.sizes()
    steps = [
        await _adopted(step, record.job, storage, threads, formats=formats, size=size) for step in record.plan.steps
    ]
    record.plan = replace(record.plan, steps=tuple(steps))


async def _adopted(
    step: Step, job: Job, storage: Storage, threads: ZipThreads, *, formats: Formats, size: Size
) -> Step:
    """The step, done if a whole file is in its place that the ledger does not know."""
    if step.delivered is not None:
        return step
    form: Format = formats[step.kind]
    work = partial(storage.publisher.adopt, step, form, job.options.verify, threads.watch, size)
    return replace(step, delivered=await threads.run(work))
