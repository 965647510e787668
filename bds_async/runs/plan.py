"""The plan of a run, and what an earlier run left to finish before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from ..brightspace import Listing
from ..formats import Watch
from ..ledger import Delivery
from ..models import Extract, Identity
from ..planning import Step, arrival_of_recovered
from ..report import Arrival, Outcome, Status
from ..support.threads import ZipThreads
from ..transfer import sweep
from .context import Storage
from .job import Job
from .outcomes import delivered
from .record import Record


def plan(record: Record, storage: Storage) -> None:
    """Finish what a killed run was publishing, then plan the job; for a thread.

    Both are written to the record at once, so that a run that is stopped meanwhile reports what was recovered.
    """
    record.recovered = recover(record.job, record.listing, storage)
    # In one transaction, since SQLite locks the file for each query outside of one, and syncs the disk for each commit;
    # but not around requests to an object store, which may take minutes.
    with storage.ledger.deliveries.together() if storage.workspace.store is None else nullcontext():
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
    adopting = partial(_adopted, record.plan.steps, record.job, storage, threads.watch)
    record.plan = replace(record.plan, steps=await threads.run(adopting))


def _adopted(steps: Sequence[Step], job: Job, storage: Storage, watch: Watch) -> tuple[Step, ...]:
    """The steps, each done if a whole file is in its place that the ledger does not know."""
    formats, size, publisher = job.formats(storage.ledger), storage.destination.sizes(), storage.publisher

    def adopted(step: Step) -> Step:
        """The step, delivered if its file was already there."""
        watch(0)
        if step.delivered is not None:
            return step
        return replace(step, delivered=publisher.adopt(step, formats[step.kind], job.options.verify, watch, size))

    return tuple(map(adopted, steps))
