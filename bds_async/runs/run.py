"""One run, from the tenant's lists to the report: list, plan, adopt, fetch, measure, mirror, report.

`pull`, `sync` and the repair of `verify` are all this run, each with its own Job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ..config import Config
from ..errors import BdsError, Stopped, rank
from ..events import Finished, Observer
from ..options import RunOptions
from ..report import RunReport
from ..support.log import event
from ..support.running import Stop, Supervision
from ..support.threads import ZipThreads
from ..support.to_its_end import in_thread
from ..transfer import Bodies
from ..workspace import Workspace
from .context import RunContext, open_context
from .fetching import fetch
from .job import Job
from .listing import list_chosen
from .measure import measure, settle_gaps
from .plan import adopt, plan
from .record import Record

if TYPE_CHECKING:
    from .cluster import Cluster

logger = logging.getLogger(__name__)

#: Saves a report, to a file for example; called once, in a thread, and may raise BdsError.
Save: TypeAlias = Callable[[RunReport], object]


def unsaved(report: RunReport) -> None:
    """Save nothing."""


async def deliver(
    job: Job,
    config: Config,
    workspace: Workspace,
    *,
    observer: Observer,
    stop: Stop,
    save: Save = unsaved,
    bodies: Bodies | None = None,
) -> RunReport:
    """Lock the state folder, connect to the tenant, and do a job; raises as `open_context` and `run`.

    `bodies` is a bound that this run shares with others. If the options name a cluster, also raises as `cluster_at`.
    """
    opening = open_context(config, workspace, job.options, observer, stop, bodies=bodies)
    async with opening as context, _cluster_for(context, job.options, stop) as cluster:
        return await run(job, replace(context, cluster=cluster), observer, stop, save)


def _cluster_for(
    context: RunContext, options: RunOptions, stop: Stop
) -> AbstractAsyncContextManager[Cluster | None, bool | None]:
    """The cluster that the options name, if any. Its import takes a second, so other runs skip it."""
    if options.cluster is None:
        return nullcontext()
    from .cluster import cluster_at

    return cluster_at(options.cluster, context.storage, options.publish_as, stop)


async def run(job: Job, context: RunContext, observer: Observer, stop: Stop, save: Save = unsaved) -> RunReport:
    """Do a job and report it.

    Whatever ends a run early is raised: a BdsError, or a defect. If there is something to report by then, the report is
    still made, observed (Finished) and saved, and says what it lacks.
    """
    connection, storage, record = context.connection, context.storage, Record(job)
    async with Supervision(stop, job.options.max_time, connection.stay_signed_in()) as supervision:
        with ZipThreads() as threads:
            try:
                record.listing = await supervision.over(list_chosen(connection, job.choose, observer))
                await supervision.over(in_thread(partial(plan, record, storage)))
                await supervision.over(adopt(record, storage, threads))
                await supervision.over(fetch(record, context, observer, threads))
            except Exception as error:  # a defect is reported, too
                record.end_with(error)
            except asyncio.CancelledError:
                record.end_with(Stopped("The task of the run was cancelled.", 130))
        if record.plan is not None:
            record.survey = await in_thread(partial(measure, record.listing, storage.ledger))
        record.end_with(supervision.error)
    # A token exchange that completes while the run ends counts too.
    await connection.refresher.settle()
    if record.is_reportable and job.mirror is not None:
        from .mirroring import follow

        await follow(job.mirror, record, storage, observer, stop)
    report = record.report(connection)
    if record.is_reportable:
        async with Supervision(stop, None) as supervision:
            is_saved = await _save_report(record, report, observer, save, supervision)
            if is_saved and record.plan is not None:
                await in_thread(partial(settle_gaps, record.listing, storage.ledger))
        record.end_with(supervision.error)
    if record.error is not None:
        raise record.error
    return report


async def _save_report(
    record: Record, report: RunReport, observer: Observer, save: Save, supervision: Supervision
) -> bool:
    """Observe and save the report, and return whether that succeeded.

    A failure becomes the run's error if its exit code wins.
    """
    try:
        observer(Finished(report))
        await in_thread(partial(save, report))
    except BdsError as error:
        others = [report.exit_code, *([supervision.error.exit_code] if supervision.error is not None else [])]
        if rank(error.exit_code) < min(map(rank, others)):
            record.end_with(error)
        else:
            logger.error("%s", error, extra=event("report.failed"))
        return False
    return True
