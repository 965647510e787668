"""The plan of a sync over all data sets: each by its list and by what the ledger knows; where the extracts land."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from . import clock
from .catalogue.listing import Listing
from .completeness import Arrival, Gap
from .gaps import gap_of
from .ledger.ledger import Ledger
from .models import Identity
from .options import SyncOptions
from .placement import by_folder
from .report import Outcome
from .run_plan import RunPlan, Step, partial_keys
from .sync_plan import DataSetPlan, arrival_of, plan_data_set
from .sync_state import Kept, Listed, Look


@dataclass(frozen=True, slots=True)
class SyncPlan(RunPlan):
    """What a sync would deliver; `gaps` are those that open with it, and those open already.

    `kept` is what the ledger is to remember of each data set, by its folder, once this is the plan of a run.
    """

    gaps: tuple[Gap, ...] = ()
    kept: Mapping[str, Kept] = field(default_factory=dict, repr=False)


def plan_sync(listing: Listing, options: SyncOptions, ledger: Ledger) -> SyncPlan:
    """Plan each listed data set; the ledger is read, and changed by nothing but pinned folder names."""
    look = Look.of(clock.now(), (extract for extracts in listing.extracts.values() for extract in extracts))
    steps: list[Step] = []
    gaps: list[Gap] = []
    kept: dict[str, Kept] = {}
    there: set[Identity] = set()
    for folder, (data_set, extracts) in by_folder(listing.extracts, ledger).items():
        state = ledger.sync_state(folder, [extract.identity for extract in extracts])
        plan = plan_data_set(Listed.of(data_set, extracts), state, look, with_fulls=options.with_fulls)
        steps += _steps(plan, folder, options, ledger)
        gaps += [gap_of(data_set, missed) for missed in plan.gaps]
        kept[folder] = plan.kept
        there.update(state.delivered)
    return SyncPlan(tuple(steps), tuple(listing.failed), partial_keys(listing, options, there), tuple(gaps), kept)


def arrivals_of(outcomes: Iterable[Outcome], ledger: Ledger) -> dict[Identity, Arrival]:
    """How extracts came that a former sync planned and that have been delivered just now."""
    return {each.extract.identity: _arrival(each, ledger) for each in outcomes if each.path is not None}


def _arrival(outcome: Outcome, ledger: Ledger) -> Arrival:
    identity = outcome.extract.identity
    state = ledger.sync_state((outcome.path or "").partition("/")[0], [identity]).without(identity)
    return Arrival.BASELINE if state.begins_with(identity) else arrival_of(outcome.extract, state)


def _steps(plan: DataSetPlan, folder: str, options: SyncOptions, ledger: Ledger) -> list[Step]:
    suffix = options.publish_as.suffix
    return [Step(due.extract, ledger.path_for(due.extract, folder, suffix), arrival=due.arrival) for due in plan.due]
