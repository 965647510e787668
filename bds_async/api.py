"""The library: `pull` fetches chosen extracts to a destination, `sync` delivers every new extract once."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from .brightspace import Listing
from .config import Config
from .destination import Destination, demand_destination, destination_of
from .events import Observer, unobserved
from .ledger import Ledger, opened
from .options import DEFAULT_FOLDER, MirrorOptions, PullOptions, RunOptions, SyncOptions, Verify
from .planning import RunPlan, SyncPlan, offered_by, plan_pull, plan_sync
from .report import RunReport
from .runs.discrepancies import Verification
from .runs.job import Job, pull_job, sync_job
from .runs.listing import read_listing
from .runs.repair import repair_workspace
from .runs.run import Save, deliver, unsaved
from .runs.verification import verify_workspace
from .support.running import Stop, beside
from .support.to_its_end import in_thread
from .workspace import Workspace, workspace_of

if TYPE_CHECKING:
    from .mirrors import MirrorReport, Target

__all__ = ["mirror", "preview_pull", "preview_sync", "pull", "read_ledger", "read_listing", "repair", "sync", "verify"]

#: A path as callers write it.
PathLike: TypeAlias = str | os.PathLike[str]
Plan = TypeVar("Plan")


async def pull(
    config: Config,
    to: PathLike = DEFAULT_FOLDER,
    options: PullOptions | None = None,
    *,
    state: PathLike | None = None,
    observer: Observer = unobserved,
    stop: Stop | None = None,
    save: Save = unsaved,
) -> RunReport:
    """Fetch the chosen extracts that the destination `to` lacks, and report the outcome of each.

    `state` is the folder for the ledger and partial files, by default `to/.bds-async`. `observer` gets the events of
    the run; `save` gets the report, in a thread; `stop` lets another task end the run in an orderly way.

    A failed extract is an outcome in the report (exit code 3). Errors that end the run are raised: ConfigError,
    AuthorisationError, DestinationError, FolderBusy, UnreachableError, CatalogueError, Stopped. If there was a plan by
    then, the observer still gets Finished with the report.
    """
    options, workspace = options or PullOptions(), workspace_of(to, state)
    return await _run(pull_job(options), config, workspace, observer=observer, stop=stop, save=save)


async def sync(
    config: Config,
    to: PathLike = DEFAULT_FOLDER,
    options: SyncOptions | None = None,
    *,
    state: PathLike | None = None,
    observer: Observer = unobserved,
    stop: Stop | None = None,
    save: Save = unsaved,
) -> RunReport:
    """Deliver everything new since the last sync to the destination `to`, each extract once, and report it.

    For each data set, the first sync delivers the newest full and each differential queued after it; later syncs
    deliver each new differential, in queued order. Only the ledger decides, so a loader may take files away.
    Differentials that expired before a sync saw them are a gap: the newest full is delivered if it covers the gap, else
    the gap stays open, which means exit code 3, as for a failed extract.

    With `mirror` in the options, the run then applies the deliveries to that mirror, as the function `mirror` does;
    rejected rows, held fulls and missing files mean exit code 3. The other parameters and the errors are those of
    `pull`, and with a mirror also TargetError and TargetBusy.
    """
    options, workspace = options or SyncOptions(), workspace_of(to, state)
    return await _run(sync_job(options), config, workspace, observer=observer, stop=stop, save=save)


async def mirror(
    target: Target | str | None = None,
    to: PathLike = DEFAULT_FOLDER,
    options: MirrorOptions | None = None,
    *,
    state: PathLike | None = None,
    observer: Observer = unobserved,
) -> MirrorReport:
    """Apply the extracts delivered to the destination `to` that are not yet in the database `target`.

    `target` is `duckdb:PATH` or `postgresql://user@host:port/database`; by default it is that of BDS_MIRROR, else
    `mirror.duckdb` in the destination. The tenant is not contacted and the folder's lock is not taken. `observer` gets
    Mirroring, and Mirrored for each applied extract. A cancellation rolls back the current extract.

    Rejected rows, held fulls and missing files are in the report (exit code 3). Errors that end the mirror are raised:
    ConfigError, PatternError, TargetError, TargetBusy, DestinationError, LedgerBusy.
    """
    from .mirrors import Target, mirror_workspace

    workspace = workspace_of(to, state)
    folder = workspace.to if workspace.store is None else None
    place = target if isinstance(target, Target) else Target.find(target, folder, os.environ)
    return await mirror_workspace(place, workspace, options or MirrorOptions(), observer)


async def preview_pull(
    config: Config,
    to: PathLike = DEFAULT_FOLDER,
    options: PullOptions | None = None,
    *,
    state: PathLike | None = None,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> RunPlan:
    """Plan what `pull` would do now; nothing is downloaded, created or locked. Raises as `pull` does."""
    options, workspace, stop = options or PullOptions(), workspace_of(to, state), stop or Stop()

    def plan(listing: Listing, ledger: Ledger) -> RunPlan:
        """Plan a pull of the listed extracts."""
        return plan_pull(listing, options, ledger, _destination(workspace, options, stop).sizes())

    listed = partial(read_listing, config, options, observer=observer)
    return await _preview(listed, plan, config, workspace, stop)


async def preview_sync(
    config: Config,
    to: PathLike = DEFAULT_FOLDER,
    options: SyncOptions | None = None,
    *,
    state: PathLike | None = None,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> SyncPlan:
    """Plan what `sync` would do now; nothing is downloaded, created or locked. Raises as `pull` does."""
    options, workspace, stop = options or SyncOptions(), workspace_of(to, state), stop or Stop()

    def plan(listing: Listing, ledger: Ledger) -> SyncPlan:
        """Plan a sync of the listed extracts."""
        return plan_sync(listing, options, ledger, _destination(workspace, options, stop).paths)

    listed = partial(read_listing, config, options, offered_by(options), observer=observer)
    return await _preview(listed, plan, config, workspace, stop)


async def verify(
    to: PathLike = DEFAULT_FOLDER,
    how: Verify = Verify.FULL,
    *,
    full: bool = False,
    state: PathLike | None = None,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> Verification:
    """Check every published file of the destination `to` against the ledger and its own CRCs; nothing is changed.

    For objects in a store, the size and the SHA-256 in the metadata are compared; with `full` they are read.

    Raises DestinationError, ConfigError, Stopped.
    """
    stop, how = stop or Stop(), RunOptions(verify=how).verify
    verifying = verify_workspace(workspace_of(to, state), how, observer, stop.patience, full=full)
    return await beside(verifying, stop.obey())


async def repair(
    config: Config,
    to: PathLike = DEFAULT_FOLDER,
    options: RunOptions | None = None,
    *,
    state: PathLike | None = None,
    full: bool = False,
    observer: Observer = unobserved,
    stop: Stop | None = None,
    save: Save = unsaved,
) -> Verification:
    """Verify the destination `to`, fetch bad and missing files again, and return the result for each file.

    A file keeps its name and its kind, and a CSV its columns; one that is no longer listed, or fails, stays as it is.
    The tenant is not contacted if nothing needs repair. The choice of data sets and the kind of files in `options` are
    ignored. Raises as `pull` does.
    """
    workspace, options, stop = workspace_of(to, state), options or RunOptions(), stop or Stop()
    return await repair_workspace(config, workspace, options, observer=observer, stop=stop, save=save, full=full)


def read_ledger(to: PathLike = DEFAULT_FOLDER, *, state: PathLike | None = None) -> Ledger:
    """Open the ledger of the destination `to` for reading; close it, or use `with`.

    It is empty if nothing was delivered yet. Blocks while another program holds the database, for at most 30 seconds.
    Raises ConfigError, DestinationError (also if the destination does not exist), LedgerBusy.
    """
    workspace = workspace_of(to, state)
    demand_destination(workspace)
    return Ledger.read(workspace.ledger, place=workspace.to)


def _destination(workspace: Workspace, options: RunOptions, stop: Stop) -> Destination:
    return destination_of(workspace, options, stop.patience)


async def _preview(
    listed: Callable[[], Awaitable[Listing]],
    plan: Callable[[Listing, Ledger], Plan],
    config: Config,
    workspace: Workspace,
    stop: Stop,
) -> Plan:
    async def preview() -> Plan:
        """Read the ledger and the listing, and plan from both."""
        workspace.check_owner()
        reading = partial(Ledger.read, workspace.ledger, config.bspace_url, place=workspace.to)
        with await opened(reading, stop.patience) as ledger:
            return await in_thread(partial(plan, await listed(), ledger))

    return await beside(preview(), stop.obey())


async def _run(
    job: Job, config: Config, workspace: Workspace, *, observer: Observer, stop: Stop | None, save: Save
) -> RunReport:
    return await deliver(job, config, workspace, observer=observer, stop=stop or Stop(), save=save)
