"""The values that are kept for one data set between two syncs; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self

from ..models import BdsType, Extract, Identity, whole_second


@dataclass(frozen=True, slots=True)
class Baseline:
    """The full that a data set began with: every differential queued after it is to be delivered."""

    queued: datetime
    created: datetime

    @classmethod
    def of(cls, full: Extract) -> Self:
        """The baseline for a full."""
        return cls(full.queued_for_processing_date, full.created_date)

    def is_remade_by(self, full: Extract) -> bool:
        """Whether a full was generated later for the same queued date."""
        return self.has_moment_of(full) and whole_second(full.created_date) > whole_second(self.created)

    def has_moment_of(self, full: Extract) -> bool:
        """Whether a full has the queued date of the baseline, to the whole second."""
        return full.identity.second == whole_second(self.queued)

    def is_reached_by(self, queued: datetime) -> bool:
        """Whether a queued date is that of the baseline or later, to the whole second."""
        return whole_second(queued) >= whole_second(self.queued)


@dataclass(frozen=True, slots=True)
class Missed:
    """Differentials that are missing, queued after one moment and before another; None if a moment is not known.

    `lost` is the queued date of a missing differential that was listed before. If none was listed, `seen` is the newest
    date of any extract at the previous look.
    """

    after: datetime | None
    before: datetime | None
    lost: datetime | None = field(default=None, compare=False)
    seen: datetime | None = field(default=None, compare=False)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in the gap."""
        return (self.after is None or moment > self.after) and (self.before is None or moment < self.before)

    def is_covered_by(self, full: datetime) -> bool:
        """Whether a full queued at that moment contains everything that is missing."""
        second = whole_second(full)
        is_after = self.after is None or second > whole_second(self.after)
        return is_after and (self.before is None or second >= whole_second(self.before))

    def is_filled_by(self, listed: Iterable[Extract]) -> bool:
        """Whether an extract as old as `seen` is listed (again): then no later one has been dropped."""
        return self.seen is not None and any(extract.was_made_by(self.seen) for extract in listed)


@dataclass(frozen=True, slots=True)
class LastLook:
    """What a sync, a pull or a mark saw of a data set at the last look.

    `retained` is the shortest time for which a differential stays listed; None if none was seen yet. `newest` is the
    newest queued date of the differentials listed then (of the fulls, while `retained` is None); None if none were.
    """

    at: datetime
    latest: datetime | None
    newest: datetime | None
    retained: timedelta | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger keeps of one look at a data set.

    `missed` are new gaps, `filled` open gaps in which nothing is missing after all, `owed` all planned extracts.
    """

    baseline: Baseline | None
    last_look: LastLook
    missed: tuple[Missed, ...]
    owed: frozenset[Identity]
    filled: tuple[Missed, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The queued date of an extract, and the time of its delivery by the clock."""

    queued: datetime
    at: datetime


@dataclass(frozen=True)
class SyncState:
    """The ledger's state of one data set when a sync is planned.

    `delivered` maps each delivered extract that is not older than the oldest listed or owed one to the time of its
    delivery. `before` is the queued date of the newest delivered differential older than those; `last_differential` is
    the newest of all. `owed` was planned at a look and is not delivered yet. `last_look` is None before the first sync.
    `future` are the delivered extracts whose dates were in the future: no conclusion is drawn from them.
    """

    baseline: Baseline | None = None
    last_look: LastLook | None = None
    delivered: Mapping[Identity, datetime] = field(default_factory=dict)
    before: datetime | None = None
    last_differential: Delivered | None = None
    newest: datetime | None = None
    newest_full: datetime | None = None
    owed: frozenset[Identity] = frozenset()
    open_gaps: tuple[Missed, ...] = ()
    future: frozenset[Identity] = frozenset()

    @property
    def has_begun(self) -> bool:
        """Whether anything of the data set has been listed at a sync before."""
        return self.baseline is not None or (self.last_look is not None and self.last_look.retained is not None)

    def has_base(self, baseline: Baseline | None) -> bool:
        """Whether a delivered full can be the base for the differentials after a baseline."""
        return self.newest_full is not None and (baseline is None or baseline.is_reached_by(self.newest_full))

    def has(self, extract: Extract) -> bool:
        """Whether an extract has been delivered."""
        return extract.identity in self.delivered or extract.identity in self.future

    def begins_with(self, identity: Identity) -> bool:
        """Whether an extract is the baseline's full, and no other extract of its queued date was delivered."""
        is_baseline = self.baseline is not None and identity.second == whole_second(self.baseline.queued)
        return is_baseline and identity.bds_type is BdsType.FULL and _moment(identity) not in self._moments_delivered

    def without(self, identity: Identity) -> Self:
        """The state as if that extract had not been delivered; `newest` does not change."""
        return replace(self, delivered={each: at for each, at in self.delivered.items() if each != identity})

    def knows_another_making(self, extract: Extract) -> bool:
        """Whether another generation of the same queued date has been delivered or planned."""
        moment = _moment(extract.identity)
        return moment in self._moments_delivered or (extract.identity not in self.owed and moment in self._moments_owed)

    @cached_property
    def _moments_delivered(self) -> frozenset[tuple[str, str, datetime]]:
        return frozenset(map(_moment, self.delivered))

    @cached_property
    def _moments_owed(self) -> frozenset[tuple[str, str, datetime]]:
        return frozenset(map(_moment, self.owed))


def _moment(identity: Identity) -> tuple[str, str, datetime]:
    return identity.plugin_id, identity.bds_type, identity.second
