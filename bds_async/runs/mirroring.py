"""The last phase of a sync with a mirror: applying the delivered extracts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from ..errors import Stopped
from ..events import Event, Mirrored, Observer
from ..mirrors import TableResult, Target, mirror_source, source_in
from ..planning import offered_by
from ..report import MirrorSummary
from ..support.running import Stop, Supervision
from ..support.to_its_end import in_thread
from .context import Storage
from .job import MirrorJob
from .record import Record, text_of

_ENDED = "The run ended before the mirror was brought up to date; the next one does it."


async def follow(job: MirrorJob, record: Record, storage: Storage, observer: Observer, stop: Stop) -> None:
    """Update the mirror of a run, unless an error has ended the run; put the result into the record.

    The folder's lock is held meanwhile; the connection to the tenant is not needed.
    """
    done = MirrorSummary(target=str(job.target), tables=(), error=_ENDED)
    if record.error is None:
        progress = _Progress(observer)
        async with Supervision(stop, record.job.options.max_time, left=record.time_left) as supervision:
            try:
                done = await supervision.over(_mirrored(job, storage, progress))
            except Exception as error:  # a defect is reported, too
                record.end_with(error)
                done = progress.summary(job.target, text_of(error))
            except asyncio.CancelledError:
                record.end_with(Stopped("The task of the run was cancelled.", 130))
                done = progress.summary(job.target, _ENDED)
        record.end_with(supervision.error)
    record.mirror = done


async def _mirrored(job: MirrorJob, storage: Storage, observer: Observer) -> MirrorSummary:
    # A pattern may match data sets of which nothing was delivered yet.
    choose = offered_by(job.options)
    source = await in_thread(partial(source_in, storage.ledger, storage.workspace, choose))
    if source.is_empty:
        return MirrorSummary(target=str(job.target), tables=())
    return (await mirror_source(job.target, storage.workspace, source, job.options, observer)).summary


class _Progress:
    """Passes events on and remembers what was applied, for the report of a mirror that fails."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._tables: dict[str, TableResult] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Mirrored):
            known = self._tables.get(event.table) or TableResult(event.table, event.data_set, None, "")
            self._tables[event.table] = replace(known, extracts=(*known.extracts, event.extract))
        self._observer(event)

    def summary(self, target: Target, error: str) -> MirrorSummary:
        """The tables so far, with the error that ended the work."""
        tables = tuple(table.summary for table in self._tables.values())
        return MirrorSummary(target=str(target), tables=tables, error=error)
