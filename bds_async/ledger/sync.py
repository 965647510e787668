"""What is remembered for syncs, whichever job has looked: the last look at each data set, its gaps, what is owed.

Data sets go by their folders, which are pinned to their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..models import BdsType, Identity
from ..planning.sync_state import Baseline, Delivered, Kept, LastLook, Missed, SyncState
from ..support import clock
from .queries import LedgerQueries
from .rows import flavour_of, microseconds, moment_of, moment_or_none, or_none, row_key, span_of

_KEEP = "INSERT OR REPLACE INTO syncs VALUES (?, ?, ?, ?, ?, ?, ?)"
_OWE = "INSERT OR REPLACE INTO owed VALUES (?, ?, ?, ?, ?, ?)"
_OPEN = "INSERT INTO gaps (folder, gap_after, gap_before, lost, seen, opened) VALUES (?, ?, ?, ?, ?, ?)"
#: Stands in a gap's `closed_by` where nothing is missing after all.
FILLED = "(what was missed is listed again)"
_FILL = """
    UPDATE gaps SET closed_by = ? WHERE folder = ? AND gap_after IS ? AND gap_before IS ? AND seen IS NOT NULL
    AND closed IS NULL
"""
#: Stands in a gap's `closed_by` where the extract that closed it was never a file here.
MARKED = "(marked as delivered)"
_DELIVERED = f"""
    SELECT coalesce(path, '{MARKED}') FROM extracts JOIN plugins ON plugins.id = extracts.plugin
    WHERE plugins.folder = gaps.folder AND state = 'done'
"""  # noqa: S608
#: What closes a gap: the lost differential, delivered at last, or the first full that covers it.
_CLOSED_BY = f"""
    coalesce(
        closed_by,
        ({_DELIVERED} AND bds_type = 'Differential' AND queued = lost LIMIT 1),
        ({_DELIVERED} AND bds_type = 'Full' AND queued > coalesce(gap_after, -1e18)
         AND queued >= coalesce(gap_before, -1e18) ORDER BY queued LIMIT 1)
    )
"""
#: The gaps of a folder that are not settled, and what closed each.
GAPS = f"""
    SELECT gap_after, gap_before, lost, seen, {_CLOSED_BY} FROM gaps WHERE folder = ? AND closed IS NULL ORDER BY id
"""  # noqa: S608
#: Settles those that are closed; with the moment and the folder.
SETTLE_GAPS = f"""
    UPDATE gaps SET closed = ?, closed_by = {_CLOSED_BY}
    WHERE folder = ? AND closed IS NULL AND {_CLOSED_BY} IS NOT NULL
"""  # noqa: S608
_NEWEST = """
    SELECT plugins.bds_type, (SELECT queued FROM extracts WHERE plugin = plugins.id AND state = 'done'
                              AND queued < ? ORDER BY queued DESC LIMIT 1)
    FROM plugins WHERE folder = ?
"""
_LAST_DIFFERENTIAL = """
    SELECT queued, delivered FROM plugins JOIN extracts ON extracts.id = (
        SELECT id FROM extracts WHERE plugin = plugins.id AND state = 'done' ORDER BY queued DESC LIMIT 1)
    WHERE folder = ? AND bds_type = 'Differential'
"""
#: Later than any moment that a row holds.
END_OF_TIME = 2**62


class SyncRecords(LedgerQueries):
    """The part of the ledger that syncs remember things in."""

    def sync_state(self, folder: str, listed: Iterable[Identity]) -> SyncState:
        """What a sync is to know of a data set, of which these extracts are listed."""
        with self._statements():
            owed = self.owed(folder)
            moments = [microseconds(each.queued_for_processing_date) for each in (*listed, *owed)]
            oldest = min(moments, default=END_OF_TIME)
            newest = self._newest(folder)
            return SyncState(
                baseline=self._baseline(folder),
                last_look=self._last_look(folder),
                delivered=self._delivered_since(folder, oldest),
                before=self._newest(folder, oldest).get(BdsType.DIFFERENTIAL),
                last_differential=self._last_differential(folder),
                newest=max(newest.values(), default=None),
                newest_full=newest.get(BdsType.FULL),
                owed=owed,
                open_gaps=self._open_gaps(folder),
            )

    def _baseline(self, folder: str) -> Baseline | None:
        rows = self._rows("SELECT baseline, baseline_created FROM syncs WHERE folder = ?", folder)
        return Baseline(*map(moment_of, rows[0])) if rows and None not in rows[0] else None

    def _last_look(self, folder: str) -> LastLook | None:
        rows = self._rows("SELECT looked, latest, newest, retained FROM syncs WHERE folder = ?", folder)
        if not rows:
            return None
        looked, latest, newest, retained = rows[0]
        span = None if retained is None else span_of(retained)
        return LastLook(moment_of(looked), moment_or_none(latest), moment_or_none(newest), span)

    def _delivered_since(self, folder: str, oldest: int) -> dict[Identity, datetime]:
        query = """
            SELECT plugin_id, bds_type, queued, created, version, delivered
            FROM extracts JOIN plugins ON plugins.id = extracts.plugin
            WHERE folder = ? AND queued >= ? AND state = 'done'
        """
        rows = self._rows(query, folder, oldest)
        return {_identity(row): moment_of(row[5] or 0) for row in rows}

    def _open_gaps(self, folder: str) -> tuple[Missed, ...]:
        rows = self._rows(GAPS, folder)
        return tuple(Missed(*map(moment_or_none, known)) for *known, closed_by in rows if closed_by is None)

    def _newest(self, folder: str, until: int = END_OF_TIME) -> dict[BdsType, datetime]:
        """The newest delivered queued date before a moment, by flavour."""
        found: dict[BdsType, datetime] = {}
        for bds_type, queued in self._rows(_NEWEST, until, folder):
            if queued is not None:
                flavour = flavour_of(bds_type)
                found[flavour] = max(moment_of(queued), found.get(flavour, moment_of(queued)))
        return found

    def _last_differential(self, folder: str) -> Delivered | None:
        rows = self._rows(_LAST_DIFFERENTIAL, folder)
        found = [Delivered(moment_of(queued), moment_of(delivered or 0)) for queued, delivered in rows]
        return max(found, key=lambda each: each.queued, default=None)

    def owed(self, folder: str) -> frozenset[Identity]:
        """The extracts of a data set that are to be delivered by the rules of a sync, and are not yet."""
        query = "SELECT plugin_id, bds_type, queued, created, version FROM owed WHERE folder = ?"
        with self._statements():
            return frozenset(map(_identity, self._rows(query, folder)))

    def waiting(self) -> frozenset[str]:
        """The folders of data sets of which something is owed, or missed in a gap that is open."""
        owing = {str(folder) for (folder,) in self._rows("SELECT DISTINCT folder FROM owed")}
        missing = self._rows("SELECT DISTINCT folder FROM gaps WHERE closed IS NULL")
        return frozenset(owing.union(str(folder) for (folder,) in missing if self._open_gaps(folder)))

    def keep(self, looks: Mapping[str, Kept]) -> None:
        """Remember what a sync saw and planned of data sets, all of it or nothing."""
        now = microseconds(clock.now())
        with self._writing():
            for folder, kept in looks.items():
                self._connection.execute(_KEEP, (folder, *_row_of(kept)))
                self._connection.execute("DELETE FROM owed WHERE folder = ?", (folder,))
                self._connection.executemany(_OWE, [_owed_row(identity, folder) for identity in kept.owed])
                self._connection.executemany(_OPEN, [(folder, *_gap_row(missed), now) for missed in kept.missed])
                spans = [(FILLED, folder, *_gap_row(missed)[:2]) for missed in kept.filled]
                self._connection.executemany(_FILL, spans)

    def owe(self, folder: str, identities: Iterable[Identity]) -> None:
        """Take note of extracts that are to be delivered, although they are not listed or were delivered before."""
        with self._writing():
            self._connection.executemany(_OWE, [_owed_row(identity, folder) for identity in identities])

    def reset_sync(self, folder: str) -> None:
        """Forget what syncs remember of a data set, so that the next one begins it anew."""
        with self._writing():
            for table in ("syncs", "owed", "gaps", "pins"):
                self._connection.execute(f"DELETE FROM {table} WHERE folder = ?", (folder,))  # noqa: S608


def _identity(row: tuple[Any, ...]) -> Identity:
    plugin_id, bds_type, queued, created, version = row[:5]
    return Identity(plugin_id, flavour_of(bds_type), moment_of(queued), moment_of(created), version)


def _owed_row(identity: Identity, folder: str) -> tuple[Any, ...]:
    return (identity.plugin_id, identity.bds_type.value, *row_key(identity), folder)


def _gap_row(missed: Missed) -> tuple[int | None, ...]:
    return tuple(map(or_none, (missed.after, missed.before, missed.lost, missed.seen)))


def _row_of(kept: Kept) -> tuple[int | None, ...]:
    look, baseline = kept.last_look, kept.baseline
    span = None if look.retained is None else look.retained // timedelta(microseconds=1)
    begin = (None, None) if baseline is None else (microseconds(baseline.queued), microseconds(baseline.created))
    return (*begin, microseconds(look.at), or_none(look.latest), or_none(look.newest), span)
