"""From the steps of a plan to their outcomes, on this machine or on the workers of a cluster."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..brightspace import refused_permission
from ..events import Observer, Planned, Warned
from ..options import RunOptions
from ..planning import RunPlan, breaks_with_columns
from ..support.threads import ZipThreads
from ..support.to_its_end import in_thread
from ..transfer import Download, Partial
from .context import RunContext, Storage
from .delivery import Fetch
from .record import Record
from .turns import chained

if TYPE_CHECKING:
    from .cluster import ClusterFetch


async def fetch(record: Record, context: RunContext, observer: Observer, threads: ZipThreads) -> None:
    """Deliver every step of the record's plan that is not done yet; raises whatever ends the whole run.

    A failed extract is an outcome, not an error. Within a data set, files are published in queued order. Raises
    AuthorisationError if the tenant refuses every extract with 403.
    """
    plan, job, storage = record.plan, record.job, context.storage
    assert plan is not None, "a run fetches what is planned"
    record.downloads = await in_thread(partial(_downloads, plan, storage, job.options))
    _announce(record, plan, observer)
    await _fetcher(record, context, observer, threads).deliver(record.downloads)
    asked = [(download.extract, download.error) for download in record.downloads]
    if refused := refused_permission(asked, context.connection.tenant.origin):
        raise refused


def _downloads(plan: RunPlan, storage: Storage, options: RunOptions) -> list[Download]:
    steps = [step for step in plan.steps if step.delivered is None]
    partials = Partial.load_all(storage.workspace, [step.extract.identity for step in steps])
    return chained(Download(step, partial, options.attempts) for step, partial in zip(steps, partials, strict=True))


def _announce(record: Record, plan: RunPlan, observer: Observer) -> None:
    for outcome in record.recovered:
        if warning := breaks_with_columns(outcome.extract, outcome.schema_change):
            observer(Warned(warning, "columns.breaking"))
    extracts = tuple(download.extract for download in record.downloads)
    observer(Planned(extracts, len(plan.steps) - len(extracts), plan.nothing))
    if plan.warning:
        observer(Warned(plan.warning, "plan.warning"))


def _fetcher(record: Record, context: RunContext, observer: Observer, threads: ZipThreads) -> Fetch | ClusterFetch:
    job, watch = record.job, record.stopwatch
    formats = job.formats(context.storage.ledger)
    if context.cluster is None:
        return Fetch(context, formats, job.options, observer=observer, threads=threads, stopwatch=watch)
    # The import is slow, so only runs on a cluster pay for it.
    from .cluster import ClusterFetch, Here

    here = Here(context, formats, observer, threads, watch)
    return ClusterFetch(here, context.cluster, job.options)
