"""Whether a differential may have been listed and dropped between two looks at the tenant; no I/O.

Differentials carry no sequence number, and nothing is assumed about their cadence. Two facts are used: differentials
are dropped in order, and each stays listed for a time that is learnt from those seen so far.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..ledger import Baseline, Delivered, LastLook, SyncState
from ..models import Extract
from .look import Listed, Look

#: D2L lists differentials for about 14 days; this is assumed for a data set until one was seen.
USUAL_RETENTION = timedelta(days=13)
#: Differentials older than this have been dropped, unless the tenant is configured otherwise.
LONGEST_USUAL_RETENTION = timedelta(days=15)
#: The shortest retention that is assumed, even if few differentials were seen.
SHORTEST_RETENTION = timedelta(days=1)


def begins_late(listed: Listed, baseline: Baseline, look: Look) -> bool:
    """Whether a new baseline is so old that a differential after it may have been dropped already."""
    oldest = listed.oldest_differential
    if look.latest is None or not (listed.has_plugin or listed.differentials):
        return False
    if oldest is not None and oldest <= baseline.queued:
        return False
    return look.latest - baseline.queued >= USUAL_RETENTION


def missed_at_first(listed: Listed, baseline: Baseline, look: Look) -> bool:
    """Whether the first list proves a gap: it covers the whole retention, and the baseline is older than that."""
    oldest = listed.oldest_differential
    if oldest is None or look.latest is None or not begins_late(listed, baseline, look):
        return False
    return look.latest - oldest >= USUAL_RETENTION and look.latest - baseline.queued > LONGEST_USUAL_RETENTION


def missed_since(last: LastLook, listed: Listed, state: SyncState, look: Look) -> bool:
    """Whether a differential may have been generated after the last look and dropped before this one."""
    if any(_stood_then(extract, last, state) for extract in listed.differentials):
        return False
    if not (listed.has_plugin or are_known(last, listed)):
        return False
    retained = USUAL_RETENTION if last.retained is None else max(last.retained, SHORTEST_RETENTION)
    return _unseen(last, listed, state, look) >= retained or _dropped_early(last, listed, look, retained)


def are_known(last: LastLook, listed: Listed) -> bool:
    """Whether any differential of the data set has ever been seen."""
    return last.retained is not None or bool(listed.differentials)


def _stood_then(differential: Extract, last: LastLook, state: SyncState) -> bool:
    """Whether a differential was listed at an earlier look, in any generation: then no later one was dropped yet.

    A delivered or owed differential was listed, regardless of its dates.
    """
    if differential.identity in state.delivered or differential.identity in state.owed:
        return True
    if last.latest is not None and differential.was_made_by(last.latest):
        return True
    return state.knows_another_making(differential)


def _unseen(last: LastLook, listed: Listed, state: SyncState, look: Look) -> timedelta:
    """The time since the last look: by the clock, and by the tenant's dates if they advance."""
    by_clock = look.at - last.at
    moving = last.newest is not None or bool(listed.fulls)
    if not moving or look.latest is None or last.latest is None:
        # A clock that was set back proves nothing.
        return by_clock if by_clock >= timedelta() else timedelta.max
    return max(by_clock, look.latest - _tenants_time(last, last.latest, state.last_differential))


def _tenants_time(last: LastLook, latest: datetime, delivered: Delivered | None) -> datetime:
    """The earliest possible time of the tenant at the last look: while a tenant pauses, its dates do not advance."""
    if delivered is None:
        return latest
    known = [latest]
    if latest < last.at and delivered.at <= last.at:
        # The dates are not ahead of the clock, so the clock shows how long the newest differential had been there.
        known.append(delivered.queued + (last.at - delivered.at))
    if last.newest is None and last.retained is not None:
        # The newest differential had expired by then.
        known.append(delivered.queued + last.retained)
    return max(known)


def _dropped_early(last: LastLook, listed: Listed, look: Look, retained: timedelta) -> bool:
    """Whether extracts of the last look were dropped before their retention ended, so that it proves nothing."""
    if last.newest is None or look.latest is None or not listed.differentials:
        return False
    if last.retained is None and any(full.identity.second <= last.newest for full in listed.fulls):
        return False
    return look.latest - last.newest < retained


def look_back(listed: Listed, state: SyncState, look: Look, *, missed: bool) -> LastLook:
    """The record of this look for the next sync; after a gap, the retention is learnt from this look alone."""
    last, retained = state.last_look, _retained(listed, state, look)
    if last is not None and last.retained is not None and not (missed and retained is not None):
        retained = max(last.retained, retained or timedelta())
    telling = listed.fulls if retained is None else listed.differentials
    return LastLook(
        look.at,
        _latest(look.latest, last.latest if last is not None else None),
        _latest(*(extract.queued_for_processing_date for extract in telling)),
        retained,
    )


def _retained(listed: Listed, state: SyncState, look: Look) -> timedelta | None:
    """The longest time for which a differential has been listed so far, by the tenant's dates or since its delivery.

    The clock may have been wrong at the delivery or now, so its figure is limited to the usual retention.
    """
    if look.latest is None:
        return None
    spans = [look.latest - extract.made_at for extract in listed.differentials]
    delivered = (state.delivered.get(extract.identity) for extract in listed.differentials)
    by_clock = (look.now - moment for moment in delivered if moment is not None)
    return max([*spans, *(min(span, USUAL_RETENTION) for span in by_clock)], default=None)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
