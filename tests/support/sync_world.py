"""A tenant with one data set, and books of its deliveries, both in memory: for tests of the sync's plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bds_async.ledger import Baseline, Delivered, LastLook, Missed, SyncState
from bds_async.models import BdsType, DataSet, Extract, Identity, Plugin
from bds_async.planning.data_set import DataSetPlan, plan_data_set
from bds_async.planning.look import Listed, Look
from bds_async.report import Arrival

START = datetime(2026, 1, 4, tzinfo=UTC)
LAG = timedelta(minutes=10)
PLUGINS = {BdsType.FULL: "full-1", BdsType.DIFFERENTIAL: "diff-1"}


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def _hours(moment: datetime) -> float:
    return (moment - START) / timedelta(hours=1)


def an_extract(bds_type: BdsType, hours: float, *, lag: timedelta = LAG, version: str = "9.4") -> Extract:
    return Extract(
        "Users", "schema-1", PLUGINS[bds_type], bds_type, at(hours), at(hours) + lag, version, "https://x.example/"
    )


def full(hours: float, **changes: object) -> Extract:
    return an_extract(BdsType.FULL, hours, **changes)  # type: ignore[arg-type]


def diff(hours: float, **changes: object) -> Extract:
    return an_extract(BdsType.DIFFERENTIAL, hours, **changes)  # type: ignore[arg-type]


class World:
    """The extracts of the tenant, and how long it lists them; if `busy`, it makes other data sets all the time."""

    def __init__(self, made: list[Extract], keeps: dict[BdsType, timedelta], *, busy: bool = True) -> None:
        self.made = made
        self.keeps = keeps
        self.busy = busy
        self.data_set = DataSet("schema-1", Plugin("full-1", "Users"), Plugin("diff-1", "Users Differential"))

    def __repr__(self) -> str:
        made = (f"{each.bds_type.folder[0]}{_hours(each.queued_for_processing_date):g}" for each in self.made)
        return f"World({' '.join(made)}; {self.keeps})"

    def listed(self, moment: datetime) -> list[Extract]:
        return [
            extract
            for extract in self.made
            if extract.created_date <= moment < extract.queued_for_processing_date + self.keeps[extract.bds_type]
        ]

    def look(self, moment: datetime) -> Look:
        latest = [extract.created_date for extract in self.listed(moment)]
        return Look(moment, max([*latest, *([moment - LAG] if self.busy else [])], default=None))


@dataclass
class Books:
    """The ledger's part: the input of a plan, and its results."""

    delivered: dict[Identity, datetime] = field(default_factory=dict)
    owed: frozenset[Identity] = frozenset()
    baseline: Baseline | None = None
    last_look: LastLook | None = None
    gaps: list[Missed] = field(default_factory=list)
    open_gaps: list[Missed] = field(default_factory=list)
    baselines: list[datetime] = field(default_factory=list)
    deliveries: list[Identity] = field(default_factory=list)
    #: The warnings of each plan: from a baseline to the first differential listed after it, or to the look.
    late: list[tuple[datetime, datetime]] = field(default_factory=list)

    def state(self, listed: Iterable[Extract]) -> SyncState:
        queued = [extract.queued_for_processing_date for extract in listed]
        oldest = min([*queued, *(each.queued_for_processing_date for each in self.owed)], default=None)
        recent = {
            identity: moment
            for identity, moment in self.delivered.items()
            if oldest is not None and identity.queued_for_processing_date >= oldest
        }
        older = [
            each.queued_for_processing_date
            for each in self.delivered.keys() - recent.keys()
            if each.bds_type is BdsType.DIFFERENTIAL
        ]
        return SyncState(
            baseline=self.baseline,
            last_look=self.last_look,
            delivered=recent,
            before=max(older, default=None),
            last_differential=self.last_differential(),
            newest=self.newest(),
            newest_full=self.newest(BdsType.FULL),
            owed=self.owed,
            open_gaps=tuple(self.open_gaps),
        )

    def last_differential(self) -> Delivered | None:
        found = [
            Delivered(each.queued_for_processing_date, moment)
            for each, moment in self.delivered.items()
            if each.bds_type is BdsType.DIFFERENTIAL
        ]
        return max(found, key=lambda each: each.queued, default=None)

    def newest(self, *types: BdsType) -> datetime | None:
        wanted = types or tuple(BdsType)
        return max(
            (each.queued_for_processing_date for each in self.delivered if each.bds_type in wanted), default=None
        )

    def sync(
        self,
        world: World,
        moment: datetime,
        *,
        fails: Callable[[Extract], bool] = lambda extract: False,
        with_fulls: bool = False,
    ) -> DataSetPlan:
        """One run: look, plan, and deliver the extracts that do not fail."""
        listed = world.listed(moment)
        return self.keep_and_deliver(
            world.data_set, listed, world.look(moment), moment, fails=fails, with_fulls=with_fulls
        )

    def keep_and_deliver(
        self,
        data_set: DataSet,
        listed: Sequence[Extract],
        look: Look,
        moment: datetime,
        *,
        fails: Callable[[Extract], bool] = lambda extract: False,
        with_fulls: bool = False,
    ) -> DataSetPlan:
        self.settle()
        plan = plan_data_set(Listed.of(data_set, listed), self.state(listed), look, with_fulls=with_fulls)
        self.keep(plan)
        if plan.begins_late and plan.kept.baseline is not None:
            ends = [each.queued_for_processing_date for each in listed if each.bds_type is BdsType.DIFFERENTIAL]
            self.late.append((plan.kept.baseline.queued, min(ends, default=moment)))
        for due in plan.due:
            if not fails(due.extract):
                self.deliver(due.extract, moment)
        self.settle()
        return plan

    def keep(self, plan: DataSetPlan) -> None:
        kept = plan.kept
        if kept.baseline is not None and kept.baseline != self.baseline:
            self.baselines.append(kept.baseline.queued)
        if self.newest(BdsType.FULL) is None:
            bases = (due.extract for due in plan.due if due.arrival is Arrival.BASELINE)
            self.baselines += [extract.queued_for_processing_date for extract in bases]
        self.baseline, self.last_look, self.owed = kept.baseline, kept.last_look, kept.owed
        self.gaps += kept.missed
        self.open_gaps = [gap for gap in self.open_gaps if gap not in kept.filled] + list(kept.missed)

    def deliver(self, extract: Extract, moment: datetime) -> None:
        self.delivered[extract.identity] = moment
        self.deliveries.append(extract.identity)
        self.owed -= {extract.identity}

    def settle(self) -> None:
        fulls = [each.queued_for_processing_date for each in self.delivered if each.bds_type is BdsType.FULL]
        others = {each.queued_for_processing_date for each in self.delivered if each.bds_type is not BdsType.FULL}
        uncovered = [gap for gap in self.open_gaps if not any(map(gap.is_covered_by, fulls))]
        self.open_gaps = [gap for gap in uncovered if gap.lost not in others]


def moments(plan: DataSetPlan) -> list[tuple[str, float, str]]:
    """The extracts that a plan delivers: flavour, hours since the start, arrival."""
    return [
        (
            due.extract.bds_type.folder[:4],
            _hours(due.extract.queued_for_processing_date),
            due.arrival.value,
        )
        for due in plan.due
    ]


def remade(extract: Extract, after: timedelta, **changes: object) -> Extract:
    """The reissued extract of the same moment."""
    return replace(extract, created_date=extract.created_date + after, **changes)  # type: ignore[arg-type]
