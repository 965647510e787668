"""The extracts of one data set that a sync delivers, and its new gaps; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from ..ledger import Baseline, Kept, Missed, SyncState
from ..models import BdsType, Extract, newest, version_key, whole_second
from ..report import Arrival
from .look import Listed, Look
from .retention import are_known, begins_late, look_back, missed_at_first, missed_since

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Due:
    """An extract that is to be delivered, and its arrival kind."""

    extract: Extract
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class DataSetPlan:
    """The extracts of a data set to deliver, oldest first, what the ledger keeps of this look, and all open gaps.

    `begins_late`: differentials between a new baseline and the first listed differential may have been dropped, but
    the list does not prove it.
    """

    due: tuple[Due, ...]
    kept: Kept
    gaps: tuple[Missed, ...]
    begins_late: bool = False


def plan_data_set(listed: Listed, state: SyncState, look: Look, *, with_fulls: bool) -> DataSetPlan:
    """Plan one data set from its list and its state in the ledger."""
    baseline, expired = _baseline(listed, state, look)
    chosen = _chosen(listed, state, baseline, with_fulls=with_fulls)
    missed = _missed(expired, _gone(listed, state), lambda lost: _around(lost, listed, state, chosen))
    filled = tuple(gap for gap in state.open_gaps if gap.is_filled_by(listed.differentials))
    gaps = tuple(dict.fromkeys(gap for gap in (*state.open_gaps, *missed) if gap not in filled))
    base = _base(listed, state, baseline, gaps)
    due = sorted({*chosen, *base}, key=lambda extract: extract.age_key)
    last_look = look_back(listed, state, look, missed=expired is not None)
    return DataSetPlan(
        tuple(Due(extract, Arrival.BASELINE if extract in base else arrival_of(extract, state)) for extract in due),
        Kept(baseline, last_look, missed, frozenset(extract.identity for extract in due), filled),
        gaps,
        begins_late=_begins_late(listed, state, baseline, look, expired),
    )


def _baseline(listed: Listed, state: SyncState, look: Look) -> tuple[Baseline | None, Missed | None]:
    """The baseline after which differentials are delivered, and the gap before them."""
    if state.last_look is None or not state.has_begun:
        return _first_baseline(listed, look)
    if not missed_since(state.last_look, listed, state, look):
        return state.baseline, None
    oldest, full = listed.oldest_differential, listed.newest_full
    gap = Missed(_last_before(oldest, state), oldest, seen=state.last_look.latest)
    if full is None or not gap.is_covered_by(full.queued_for_processing_date):
        return state.baseline, gap
    # If no differential was ever seen, the full is delivered to be safe, and no gap is reported.
    is_told = are_known(state.last_look, listed)
    return Baseline.of(full), Missed(gap.after, full.queued_for_processing_date) if is_told else None


def _begins_late(
    listed: Listed, state: SyncState, baseline: Baseline | None, look: Look, expired: Missed | None
) -> bool:
    """Whether a new baseline begins late; False if a gap that starts at it already says so."""
    if baseline is None or baseline == state.baseline or (expired is not None and expired.after == baseline.queued):
        return False
    return begins_late(listed, baseline, look)


def _first_baseline(listed: Listed, look: Look) -> tuple[Baseline | None, Missed | None]:
    if listed.newest_full is None:
        return None, None
    first = Baseline.of(listed.newest_full)
    missed = missed_at_first(listed, first, look)
    return first, Missed(first.queued, listed.oldest_differential) if missed else None


def _last_before(moment: datetime | None, state: SyncState) -> datetime | None:
    """The queued date of the newest delivered differential before a moment, else that of the baseline."""
    delivered = (each.queued_for_processing_date for each in state.delivered if each.bds_type is BdsType.DIFFERENTIAL)
    begin = [] if state.baseline is None else [state.baseline.queued]
    last = [*begin, *_some(state.before), *(each for each in delivered if moment is None or each < moment)]
    return max(last, default=None)


def _missed(
    expired: Missed | None, gone: Sequence[datetime], around: Callable[[datetime], Missed]
) -> tuple[Missed, ...]:
    """The new gaps: one for unseen differentials, certain if it has a lost one, and one for each other lost one."""
    if expired is None:
        return tuple(map(around, gone))
    outside = [lost for lost in gone if not expired.holds(lost)]
    is_certain = len(outside) < len(gone)
    return (replace(expired, seen=None) if is_certain else expired, *map(around, outside))


def _chosen(listed: Listed, state: SyncState, baseline: Baseline | None, *, with_fulls: bool) -> list[Extract]:
    """The undelivered extracts after the baseline, the owed fulls, later generations of the baseline, future ones."""
    candidates = _after(baseline, listed.differentials, listed, state)
    if with_fulls:
        # Fulls before a new baseline are new as well.
        candidates += _after(state.baseline or baseline, listed.fulls, listed, state)
    if baseline is not None and state.has_base(baseline):
        candidates += [full for full in listed.fulls if full.identity in state.owed]
        candidates += _remade(baseline, listed, state)
    candidates += _future(listed, state, baseline, with_fulls=with_fulls)
    return [extract for extract in candidates if not state.has(extract)]


def _future(listed: Listed, state: SyncState, baseline: Baseline | None, *, with_fulls: bool) -> list[Extract]:
    """The extracts with a date in the future: they are delivered, but no conclusion is drawn from them."""
    fulls = [each for each in listed.future if each.bds_type is BdsType.FULL]
    if not with_fulls:
        last = None if state.has_base(baseline) else newest(fulls)
        fulls = [] if last is None else [last]
    return [*fulls, *(each for each in listed.future if each.bds_type is BdsType.DIFFERENTIAL)]


def _after(baseline: Baseline | None, extracts: Iterable[Extract], listed: Listed, state: SyncState) -> list[Extract]:
    """The extracts queued after a baseline; an owed one in the same second as the baseline stays planned."""
    if baseline is None:
        return list(extracts)
    begin = _begin(baseline, listed)
    return [
        each
        for each in extracts
        if each.queued_for_processing_date > begin
        or (each.identity in state.owed and each.identity.second == whole_second(begin))
    ]


def _begin(baseline: Baseline, listed: Listed) -> datetime:
    """The queued date of a baseline as listed now, else the end of its second: fractions differ between routes."""
    as_listed = (full.queued_for_processing_date for full in listed.fulls if baseline.has_moment_of(full))
    return max(as_listed, default=whole_second(baseline.queued) + timedelta(seconds=1, microseconds=-1))


def _remade(baseline: Baseline, listed: Listed, state: SyncState) -> list[Extract]:
    """Later generations of the baseline, except those with an older version than a delivered one."""
    there = [
        version_key(each.version)
        for each in state.delivered
        if each.bds_type is BdsType.FULL and each.second == whole_second(baseline.queued)
    ]
    generations = (full for full in listed.fulls if baseline.is_remade_by(full))
    return [full for full in generations if version_key(full.version) >= max(there, default=())]


def _base(listed: Listed, state: SyncState, baseline: Baseline | None, gaps: Iterable[Missed]) -> frozenset[Extract]:
    """The full to start with, or to restart with after a gap; empty if none is needed or none is new enough."""
    full = listed.newest_full
    if full is None or state.has(full):
        return frozenset()
    queued = full.queued_for_processing_date
    covers = any(gap.is_covered_by(queued) for gap in gaps)
    return frozenset({full}) if covers or not state.has_base(baseline) else frozenset()


def arrival_of(extract: Extract, state: SyncState) -> Arrival:
    """The arrival kind of an extract that is not a baseline."""
    if state.knows_another_making(extract):
        return Arrival.REISSUED
    is_late = state.newest is not None and extract.identity.second < whole_second(state.newest)
    return Arrival.LATE if is_late else Arrival.NEW


def _gone(listed: Listed, state: SyncState) -> list[datetime]:
    """The queued dates of owed differentials that are no longer listed in any generation."""
    there = {*(each.identity for each in listed.differentials), *state.delivered}
    seconds = {each.second for each in there if each.bds_type is BdsType.DIFFERENTIAL}
    owed = {each.queued_for_processing_date for each in state.owed if each.bds_type is BdsType.DIFFERENTIAL}
    return sorted(moment for moment in owed if whole_second(moment) not in seconds)


def _around(lost: datetime, listed: Listed, state: SyncState, chosen: Iterable[Extract]) -> Missed:
    """The gap that a lost differential leaves between its delivered or planned neighbours."""
    kept = {each.queued_for_processing_date for each in (*state.delivered, *(due.identity for due in chosen))}
    begin = () if state.baseline is None else (state.baseline.queued,)
    earlier = [each for each in (*kept, *begin, *_some(state.before)) if each < lost]
    later = [each for each in (*kept, *(full.queued_for_processing_date for full in listed.fulls)) if each > lost]
    return Missed(max(earlier, default=None), min(later, default=None), lost=lost)


def _some(value: Value | None) -> tuple[Value, ...]:
    return () if value is None else (value,)
