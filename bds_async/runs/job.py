"""What a command asks of a run: the jobs of `pull` and `sync`. The job of `verify --repair` is in `repair`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ..brightspace import Listing
from ..formats import Format, formats_for
from ..ledger import Ledger
from ..options import MirrorOptions, PublishAs, PullOptions, RunOptions, SyncOptions
from ..planning import (
    RunPlan,
    chosen_by,
    future_extracts,
    looked_at,
    offered_by,
    plan_pull,
    plan_sync,
    present_folders,
)
from ..report import RunReport
from .context import Storage
from .exit_code import is_pulled_in_part, is_synced_in_part
from .listing import Choice

if TYPE_CHECKING:
    from ..mirrors import Target

#: The formats of a run by kind of file.
Formats: TypeAlias = Mapping[PublishAs, Format]


@dataclass(frozen=True, slots=True)
class MirrorJob:
    """The mirror that follows a run."""

    target: Target
    options: MirrorOptions


@dataclass(frozen=True, slots=True)
class Job:
    """What a command asks of a run.

    `choose` picks data sets of the catalogue. `plan` returns the steps; it is called in a thread, and may record in the
    ledger what was seen. `leaves_with_3` decides whether a run that did not end early exits with code 3. With `adopts`,
    a file that the ledger does not have is verified and kept; with `tells_arrival`, the report has the arrival kinds.
    `mirror` follows the run.
    """

    command: str
    options: RunOptions
    choose: Choice
    plan: Callable[[Listing, Storage], RunPlan]
    formats: Callable[[Ledger], Formats]
    leaves_with_3: Callable[[RunReport], bool]
    adopts: bool = False
    tells_arrival: bool = False
    mirror: MirrorJob | None = None


def pull_job(options: PullOptions) -> Job:
    """The job of a pull: fetch the chosen extracts that the destination lacks."""

    def plan(listing: Listing, storage: Storage) -> RunPlan:
        """Plan the steps; record future extracts and this look at the lists."""
        storage.ledger.future.record(future_extracts(listing, storage.ledger))
        # For the next sync, a pull counts as a look too.
        storage.ledger.syncs.keep(looked_at(listing, storage.ledger))
        return plan_pull(listing, options, storage.ledger, storage.destination.sizes())

    adopts = not options.force
    return Job("pull", options, chosen_by(options), plan, formats_for(options), is_pulled_in_part, adopts=adopts)


def sync_job(options: SyncOptions) -> Job:
    """The job of a sync: deliver every new extract once; raises ConfigError, TargetError for an unusable mirror."""

    def plan(listing: Listing, storage: Storage) -> RunPlan:
        """Plan the steps; record future extracts, absent data sets, and this look at the lists."""
        ledger = storage.ledger
        found = plan_sync(listing, options, ledger, storage.destination.paths)
        ledger.future.record(future_extracts(listing, ledger))
        ledger.absences.note(found.absent, present_folders(listing, ledger))
        ledger.syncs.keep(found.kept)
        return found

    in_part = partial(is_synced_in_part, strict_schema=options.strict_schema)
    return Job(
        "sync",
        options,
        offered_by(options),
        plan,
        formats_for(options),
        in_part,
        tells_arrival=True,
        mirror=mirror_job(options),
    )


def mirror_job(options: SyncOptions) -> MirrorJob | None:
    """The mirror that a sync asks for, if any; raises ConfigError, TargetError if it is unusable."""
    if options.mirror is None:
        return None
    from ..mirrors import Target, demand_target

    target = Target.named(options.mirror, "`mirror`", os.environ)
    demand_target(target, options.mirror_schema)
    chosen = MirrorOptions(
        data_set=options.data_set,
        exclude=options.exclude,
        schema=options.mirror_schema,
        delete_limit=options.delete_limit,
    )
    return MirrorJob(target, chosen)
