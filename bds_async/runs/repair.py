"""Repair of a destination: bad and missing files that are still listed are fetched again and replaced."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ..brightspace import Listing, connect
from ..config import Config
from ..errors import BdsError
from ..events import Observer
from ..formats import formats_for_repair
from ..models import DataSet, Identity
from ..options import PublishAs, RunOptions
from ..planning import RunPlan, Step
from ..report import FailedList, Outcome, RunReport, Status
from ..support.log import event
from ..support.running import Stop, beside, time_limits
from ..support.to_its_end import in_thread
from ..workspace import Workspace
from .context import RunContext, Storage, open_storage
from .discrepancies import Discrepancy, Remedy, Verification
from .job import Job
from .run import Save, run
from .verification import demand_ledger, examine

logger = logging.getLogger(__name__)

#: Seconds that a run gets at least.
MOMENT = 0.001


async def repair_workspace(
    config: Config,
    workspace: Workspace,
    options: RunOptions,
    *,
    observer: Observer,
    stop: Stop,
    save: Save,
    full: bool = False,
) -> Verification:
    """Verify a destination, fetch bad and missing files again, and return the result for each file.

    A file keeps its name and its kind, and a CSV its columns; one that cannot be fetched again stays as it is. The
    tenant is not contacted if nothing needs repair. The choice of data sets and the kind of files in `options` are
    ignored. Raises as `pull` does.
    """
    began = time.monotonic()
    demand_ledger(workspace)
    async with open_storage(workspace, config.bspace_url, stop, options) as storage:
        examined = _examined(storage, options, observer, full)
        found = await beside(examined, stop.obey(), *time_limits(options.max_time, stop))
        if not found.repairable:
            return found
        # A limit that is up ends the run at its start.
        left = options.max_time and max(MOMENT, options.max_time - (time.monotonic() - began))
        reports: list[RunReport] = []

        def keep(report: RunReport) -> None:
            """Keep the report of the run, and save it."""
            reports.append(report)
            save(report)

        try:
            async with connect(config, options, observer) as connection:
                # Only this machine knows how each file was made, so no cluster is used.
                job = repair_job(found, replace(options, max_time=left, cluster=None))
                report = await run(job, RunContext(connection, storage), observer, stop, keep)
        except BdsError:
            _log_unrepaired(remedied(found, reports[0]) if reports else found)
            raise
        return remedied(found, report)


def _log_unrepaired(found: Verification) -> None:
    """Log the files that need repair, since reading all files again to find them may take long."""
    for each in found.repairable.values():
        if each.remedy is Remedy.REPAIRED:
            continue
        fields = event("verify.unrepaired", path=each.path, fault=each.fault)
        logger.warning("%s is %s and was not repaired: %s", each.path, each.fault, each.detail, extra=fields)


async def _examined(storage: Storage, options: RunOptions, observer: Observer, full: bool) -> Verification:
    await in_thread(storage.publisher.recover)
    return await examine(storage.destination, storage.ledger, options.verify, observer, full=full)


def repair_job(found: Verification, options: RunOptions) -> Job:
    """The job that fetches the extracts of bad and missing files again."""
    wanted = found.repairable
    plugins = {identity.plugin_id for identity in wanted}

    def choose(data_sets: Sequence[DataSet]) -> list[DataSet]:
        """The data sets of the damaged files."""
        return [data_set for data_set in data_sets if plugins.intersection(data_set.ids)]

    def plan(listing: Listing, storage: Storage) -> RunPlan:  # noqa: ARG001
        """The extracts of the damaged files that are still listed."""
        return RunPlan(tuple(_steps(listing, wanted)), tuple(listing.failed), None)

    def is_bad(report: RunReport) -> bool:
        """Whether the exit code of the verification is still not 0 after the repair."""
        return remedied(found, report).exit_code != 0

    return Job("verify", options, choose, plan, formats_for_repair, is_bad)


def _steps(listing: Listing, wanted: Mapping[Identity, Discrepancy]) -> Iterator[Step]:
    left = dict(wanted)
    for extracts in listing.extracts.values():
        for extract in sorted(extracts, key=lambda extract: extract.age_key):
            # Yield each extract once: two data sets may share a plugin id.
            found = left.pop(extract.identity, None)
            if found is not None and found.delivery is not None:
                yield Step(extract, found.delivery.folder, found.path, PublishAs.of(found.path))


def remedied(found: Verification, report: RunReport) -> Verification:
    """The verification with the remedy of each file, from the report of the repair's run."""
    outcomes = {outcome.extract.identity: outcome for outcome in report.outcomes}
    after = partial(_remedied, outcomes=outcomes, failed_lists=report.failed_lists)
    return replace(found, discrepancies=tuple(map(after, found.discrepancies)))


def _remedied(
    found: Discrepancy, outcomes: Mapping[Identity, Outcome], failed_lists: Sequence[FailedList]
) -> Discrepancy:
    if found.delivery is None:
        return found
    outcome = outcomes.get(found.delivery.identity)
    if outcome is not None and outcome.status is Status.DOWNLOADED:
        return replace(found, remedy=Remedy.REPAIRED)
    if outcome is not None:
        return replace(found, remedy=Remedy.FAILED, error=outcome.error)
    for failed in failed_lists:
        if failed.data_set == found.delivery.data_set or failed.schema_id == found.delivery.schema_id is not None:
            return replace(found, remedy=Remedy.FAILED, error=failed.error)
    return replace(found, remedy=Remedy.UNLISTED, error="Brightspace does not list it any more.")
