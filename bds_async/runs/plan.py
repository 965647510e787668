"""The plan of a run, and the unfinished publications of an earlier run, which are finished first."""

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
    """Finish the publications of a killed run, then plan the job; to be called in a thread.

    Each result goes into the record immediately, so that a run stopped in between reports what was recovered.
    """
    record.recovered = recover(record.job, record.listing, storage)
    # In one transaction: outside of one, SQLite locks the file for each query and syncs the disk for each commit. But
    # not around requests to an object store, which may take minutes.
    with storage.ledger.deliveries.together() if storage.workspace.store is None else nullcontext():
        storage.ledger.folders.gather(record.listing.extracts)
        record.plan = record.job.plan(record.listing, storage)
    if record.plan.unfinished is not None:
        sweep(storage.workspace, record.plan.unfinished)


def recover(job: Job, listing: Listing, storage: Storage) -> list[Outcome]:
    """Finish the publications of a killed run; returns their outcomes, which no report has had yet."""
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
    """The extract as listed, or else as the ledger has it: it may be unlisted, or its list not asked for."""
    return listed.get(delivery.identity) or delivery.extract


def _arrival(extract: Extract, delivery: Delivery, storage: Storage) -> Arrival:
    return arrival_of_recovered(extract, delivery.folder, storage.ledger)


async def adopt(record: Record, storage: Storage, threads: ZipThreads) -> None:
    """If the job adopts files, mark each step as done whose file is there and whole but not in the ledger."""
    if record.plan is None or not record.job.adopts:
        return
    adopting = partial(_adopted, record.plan.steps, record.job, storage, threads.watch)
    record.plan = replace(record.plan, steps=await threads.run(adopting))


def _adopted(steps: Sequence[Step], job: Job, storage: Storage, watch: Watch) -> tuple[Step, ...]:
    """The steps; each is done if its file is there and whole but not in the ledger."""
    formats, size, publisher = job.formats(storage.ledger), storage.destination.sizes(), storage.publisher

    def adopted(step: Step) -> Step:
        """The step, delivered if its file was already there."""
        watch(0)
        if step.delivered is not None:
            return step
        return replace(step, delivered=publisher.adopt(step, formats[step.kind], job.options.verify, watch, size))

    return tuple(map(adopted, steps))
