"""The plan of a sync over all data sets, from their lists and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..brightspace import Listing
from ..ledger import Kept, Ledger, SyncState
from ..models import DataSet, Extract, Identity
from ..options import SyncOptions
from ..report import Arrival, Gap
from ..workspace.file_names import published_files
from .absence import absent_data_sets, failed_lists_of
from .data_set import DataSetPlan, arrival_of, plan_data_set
from .future import look_at
from .gaps import covers, gap_of
from .look import Listed
from .placement import by_folder
from .steps import RunPlan, Step, unfinished
from .warnings import all_excluded, begun_late, nothing_to_sync, turned_to_another_form, unknown_files


@dataclass(frozen=True, slots=True, repr=False)
class SyncPlan(RunPlan):
    """What a sync delivers; `gaps` are the open gaps, new ones included.

    `kept` is what the ledger records of each data set, by folder, when a run uses this plan; `absent` are the folders
    of the chosen data sets that are no longer listed.
    """

    gaps: tuple[Gap, ...] = ()
    kept: Mapping[str, Kept] = field(default_factory=dict, repr=False)
    absent: frozenset[str] = field(default_factory=frozenset, repr=False)

    @property
    def gaps_left(self) -> tuple[Gap, ...]:
        """The gaps that none of its fulls covers."""
        return tuple(gap for gap in self.gaps if not any(covers(step.extract, gap) for step in self.steps))


def plan_sync(listing: Listing, options: SyncOptions, ledger: Ledger, paths: Callable[[], Iterable[str]]) -> SyncPlan:
    """Plan each listed data set; new data sets get a folder. Raises PatternError.

    `paths` returns the files of the destination; it is called if the ledger has no delivery.
    """
    plan = _plan(listing, options, ledger)
    is_new = bool(plan.steps) and next(ledger.deliveries.all(), None) is None
    unknown = sum(1 for _ in published_files(paths())) if is_new else 0
    listed = [extract.identity for extracts in listing.extracts.values() for extract in extracts]
    other_form = turned_to_another_form(ledger.deliveries.delivered_many(listed).values(), options)
    warnings = (all_excluded(listing, options), unknown_files(unknown), plan.warning, other_form)
    return replace(
        plan,
        nothing="" if plan.steps else nothing_to_sync(listing, options),
        warning=" ".join(filter(None, warnings)),
    )


def _plan(listing: Listing, options: SyncOptions, ledger: Ledger) -> SyncPlan:
    """Plan each listed data set."""
    steps: list[Step] = []
    gaps: list[Gap] = []
    kept: dict[str, Kept] = {}
    late: list[str] = []
    there: set[Identity] = set()
    for folder, data_set, state, plan in _plans(listing, ledger, with_fulls=options.with_fulls):
        steps += _steps(plan, folder, options, ledger)
        gaps += [gap_of(data_set, missed) for missed in plan.gaps]
        if listing.is_whole(data_set):
            kept[folder] = plan.kept
        late += [data_set.name] if plan.begins_late else []
        there.update(state.delivered, state.future)
    absent = absent_data_sets(listing, options, ledger)
    failed = (*listing.failed, *failed_lists_of(absent.values()))
    left = unfinished(listing, options, there) if not absent else None
    return SyncPlan(tuple(steps), failed, left, tuple(gaps), kept, frozenset(absent), warning=begun_late(late))


def looked_at(listing: Listing, ledger: Ledger) -> dict[str, Kept]:
    """What the ledger keeps of a look at the data sets that a sync has begun.

    Deliveries of a pull count for the next sync, so extracts that it saw but did not deliver must count too.
    """
    begun = ledger.syncs.looked_at()
    plans = _plans(listing, ledger, begun, with_fulls=False) if begun else ()
    return {folder: plan.kept for folder, data_set, _, plan in plans if listing.is_whole(data_set)}


def _plans(
    listing: Listing, ledger: Ledger, folders: Collection[str] | None = None, *, with_fulls: bool
) -> Iterator[tuple[str, DataSet, SyncState, DataSetPlan]]:
    """The plan of each listed data set, or of those in `folders`."""
    look = look_at(listing)
    for folder, (data_set, extracts) in by_folder(listing.extracts, ledger).items():
        if folders is not None and folder not in folders:
            continue
        listed = Listed.of(data_set, extracts, look)
        state = ledger.syncs.state(folder, listed.identities, listed.future_identities, look.horizon)
        yield folder, data_set, state, plan_data_set(listed, state, look, with_fulls=with_fulls)


def arrival_of_recovered(extract: Extract, folder: str, ledger: Ledger) -> Arrival:
    """The arrival kind of an extract that an earlier sync planned and whose publication has just been finished."""
    state = ledger.syncs.state(folder, [extract.identity]).without(extract.identity)
    return Arrival.BASELINE if state.begins_with(extract.identity) else arrival_of(extract, state)


def _steps(plan: DataSetPlan, folder: str, options: SyncOptions, ledger: Ledger) -> list[Step]:
    kind = options.publish_as
    return [
        Step(due.extract, folder, ledger.folders.path_for(due.extract, folder, kind.suffix), kind, arrival=due.arrival)
        for due in plan.due
    ]
