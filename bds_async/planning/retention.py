"""Whether a differential may have come and gone between two looks at the tenant: pure, no I/O.

Differentials are numbered by nothing, and how often they are made is not assumed. What is used: one that is made later
is not dropped earlier, and each stays listed for some time, which is learnt from those that are seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..ledger import Baseline, Delivered, LastLook, SyncState
from ..models import Extract
from .sync_state import Listed, Look

#: D2L keeps differentials listed for about 14 days; taken for a data set of which none has been seen yet.
USUAL_RETENTION = timedelta(days=13)
#: What is older than this has been dropped, where nothing unusual is configured.
LONGEST_USUAL_RETENTION = timedelta(days=15)
#: No tenant is taken to list differentials for less time, however few have been seen.
SHORTEST_RETENTION = timedelta(days=1)


def begins_late(listed: Listed, baseline: Baseline, look: Look) -> bool:
    """Whether the first baseline is so old that some differential after it may have been dropped already."""
    oldest = listed.oldest_differential
    if oldest is None or look.latest is None or oldest <= baseline.queued:
        return False
    return look.latest - baseline.queued >= USUAL_RETENTION


def missed_at_first(listed: Listed, baseline: Baseline, look: Look) -> bool:
    """Whether the first list shows it: it reaches back as far as differentials are kept, and the baseline further."""
    oldest = listed.oldest_differential
    if oldest is None or look.latest is None or not begins_late(listed, baseline, look):
        return False
    return look.latest - oldest >= USUAL_RETENTION and look.latest - baseline.queued > LONGEST_USUAL_RETENTION


def missed_since(last: LastLook, listed: Listed, state: SyncState, look: Look) -> bool:
    """Whether some differential may have been made after the last look and dropped before this one."""
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
    """Whether a differential was listed at a look before, if only in a former making: nothing later is dropped yet.

    What is delivered or owed was, whatever the dates say.
    """
    if differential.identity in state.delivered or differential.identity in state.owed:
        return True
    if last.latest is not None and differential.was_made_by(last.latest):
        return True
    return state.knows_another_making(differential)


def _unseen(last: LastLook, listed: Listed, state: SyncState, look: Look) -> timedelta:
    """For how long nobody looked: by the clock, and by the tenant's own dates where something keeps those moving."""
    by_clock = look.at - last.at
    moving = last.newest is not None or bool(listed.fulls)
    if not moving or look.latest is None or last.latest is None:
        # A clock that was set back tells nothing.
        return by_clock if by_clock >= timedelta() else timedelta.max
    return max(by_clock, look.latest - _tenants_time(last, last.latest, state.last_differential))


def _tenants_time(last: LastLook, latest: datetime, delivered: Delivered | None) -> datetime:
    """How late it was for the tenant at a look, at least: a tenant that pauses has dates that stand still."""
    if delivered is None:
        return latest
    known = [latest]
    if latest < last.at and delivered.at <= last.at:
        # Dates that are not ahead of the clock: it tells how long the newest differential had been there.
        known.append(delivered.queued + (last.at - delivered.at))
    if last.newest is None and last.retained is not None:
        # It had expired by then.
        known.append(delivered.queued + last.retained)
    return max(known)


def _dropped_early(last: LastLook, listed: Listed, look: Look, retained: timedelta) -> bool:
    """Whether what was listed then has gone sooner than others did, so that `retained` is worth nothing."""
    if last.newest is None or look.latest is None or not listed.differentials:
        return False
    if last.retained is None and any(full.identity.second <= last.newest for full in listed.fulls):
        return False
    return look.latest - last.newest < retained


def look_back(listed: Listed, state: SyncState, look: Look, *, missed: bool) -> LastLook:
    """What the next sync is to know of this look; where something was missed, what it shows counts alone."""
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
    """For how long some listed differential has been there: by the tenant's dates, and since its delivery.

    The clock may have been wrong at one of the two moments: what it says is not believed beyond the usual.
    """
    if look.latest is None:
        return None
    spans = [look.latest - extract.made_at for extract in listed.differentials]
    delivered = (state.delivered.get(extract.identity) for extract in listed.differentials)
    by_clock = (look.now - moment for moment in delivered if moment is not None)
    return max([*spans, *(min(span, USUAL_RETENTION) for span in by_clock)], default=None)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
