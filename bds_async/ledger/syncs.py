"""The state between two syncs, kept by every command that looks: the last look at each data set, the owed extracts.

Data sets are named by their folders, which are pinned to their ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..models import BdsType, Identity
from .database import Database
from .delivery import PAID
from .future import HAS_COME, Future
from .gaps import Gaps
from .rows import bds_type_of, identity_of, key_of, microseconds, moment_of, moment_or_none, or_none, span_of
from .sync_memory import Baseline, Delivered, Kept, LastLook, SyncState

_KEEP = """
    INSERT OR REPLACE INTO syncs VALUES (:folder, :baseline, :baseline_created, :looked, :latest, :newest, :retained)
"""
_OWE = "INSERT INTO owed VALUES (:plugin_id, :bds_type, :queued, :created, :version, :folder)"
_NEWEST = f"""
    SELECT bds_type, (SELECT queued FROM extracts WHERE plugin = plugins.id AND state = 'done'
                      AND queued < ? AND {HAS_COME} ORDER BY queued DESC LIMIT 1) AS newest
    FROM plugins WHERE folder = ?
"""  # noqa: S608
_LAST_DIFFERENTIAL = f"""
    SELECT queued, delivered FROM plugins JOIN extracts ON extracts.id = (
        SELECT id FROM extracts WHERE plugin = plugins.id AND state = 'done' AND queued < ? AND {HAS_COME}
        ORDER BY queued DESC LIMIT 1)
    WHERE folder = ? AND bds_type = 'Differential'
"""  # noqa: S608
_DELIVERED_SINCE = """
    SELECT plugin_id, bds_type, queued, created, version, delivered
    FROM extracts JOIN plugins ON plugins.id = extracts.plugin
    WHERE folder = ? AND queued >= ? AND state = 'done'
"""
#: A number later than any moment in a row.
END_OF_TIME = 2**62


class Syncs:
    """The part of the ledger that keeps the state of syncs."""

    def __init__(self, database: Database, gaps: Gaps, future: Future) -> None:
        self._database = database
        self._gaps = gaps
        self._future = future

    def state(
        self,
        folder: str,
        listed: Iterable[Identity],
        future: Iterable[Identity] = (),
        horizon: datetime | None = None,
    ) -> SyncState:
        """The state that a sync needs of a data set; the dates of `listed` have come, those of `future` have not.

        Dates after `horizon` are in the future; a baseline with such a date does not count.
        """
        listed, coming = list(listed), list(future)
        with self._database.statements():
            ahead = self._future.seen(folder, listed, coming, horizon)
            owed, baseline = self.owed(folder), self.baseline(folder)
            end = END_OF_TIME if horizon is None else microseconds(horizon) + 1
            oldest = min((microseconds(each.second) for each in (*listed, *coming, *owed)), default=END_OF_TIME)
            delivered, newest = self._delivered_since(folder, oldest), self.newest(folder, end)
            return SyncState(
                baseline=baseline if baseline is None or microseconds(baseline.queued) < end else None,
                last_look=self.last_look(folder),
                delivered={each: moment for each, moment in delivered.items() if each not in ahead},
                before=self.newest(folder, min(oldest, end)).get(BdsType.DIFFERENTIAL),
                last_differential=self._last_differential(folder, end),
                newest=max(newest.values(), default=None),
                newest_full=newest.get(BdsType.FULL),
                owed=owed - ahead,
                open_gaps=self._gaps.open(folder),
                future=ahead.intersection(delivered),
            )

    def baseline(self, folder: str) -> Baseline | None:
        """The full that a data set began with; None if no sync has begun it, or if it began without a full."""
        query = "SELECT baseline, baseline_created FROM syncs WHERE folder = ? AND baseline_created IS NOT NULL"
        found = self._database.read(
            lambda row: Baseline(moment_of(row["baseline"]), moment_of(row["baseline_created"])), query, folder
        )
        return next(iter(found), None)

    def looked_at(self) -> frozenset[str]:
        """The folders of the data sets that a sync has looked at."""
        return frozenset(str(row["folder"]) for row in self._database.rows("SELECT folder FROM syncs"))

    def last_look(self, folder: str) -> LastLook | None:
        """The last look at a data set; None before the first sync."""
        query = "SELECT looked, latest, newest, retained FROM syncs WHERE folder = ?"
        return next(iter(self._database.read(_look_of, query, folder)), None)

    def newest(self, folder: str, until: int = END_OF_TIME) -> dict[BdsType, datetime]:
        """The newest delivered queued date by type, before the moment `until`, which is a number as in rows."""
        found: dict[BdsType, datetime] = {}
        with self._database.statements():
            for row in self._database.rows(_NEWEST, until, folder):
                bds_type, moment = bds_type_of(row["bds_type"]), moment_or_none(row["newest"])
                if moment is not None:
                    found[bds_type] = max(moment, found.get(bds_type, moment))
        return found

    def _delivered_since(self, folder: str, oldest: int) -> dict[Identity, datetime]:
        found = self._database.read(
            lambda row: (identity_of(row), moment_of(row["delivered"] or 0)), _DELIVERED_SINCE, folder, oldest
        )
        return dict(found)

    def _last_differential(self, folder: str, until: int) -> Delivered | None:
        found = self._database.read(
            lambda row: Delivered(moment_of(row["queued"]), moment_of(row["delivered"] or 0)),
            _LAST_DIFFERENTIAL,
            until,
            folder,
        )
        return max(found, key=lambda each: each.queued, default=None)

    def owed(self, folder: str) -> frozenset[Identity]:
        """The extracts of a data set that a sync has planned and that are not delivered yet."""
        return frozenset(self._database.read(identity_of, "SELECT * FROM owed WHERE folder = ?", folder))

    def waiting(self) -> frozenset[str]:
        """The folders of data sets that have owed extracts or an open gap."""
        owing = frozenset(str(row["folder"]) for row in self._database.rows("SELECT DISTINCT folder FROM owed"))
        return owing | self._gaps.folders()

    def keep(self, looks: Mapping[str, Kept]) -> None:
        """Store what a sync saw and planned for data sets, in one transaction."""
        with self._database.writing():
            for folder, kept in looks.items():
                self._database.execute(_KEEP, folder=folder, **_row_of(kept))
                self._database.execute("DELETE FROM owed WHERE folder = ?", folder)
                self.owe(folder, kept.owed)
                self._gaps.note(folder, kept.missed, kept.filled)

    def owe(self, folder: str, identities: Iterable[Identity]) -> None:
        """Record extracts as owed, even if they are not listed or were delivered before."""
        with self._database.writing():
            for identity in identities:
                self._database.execute(PAID, **key_of(identity))
                self._database.execute(_OWE, folder=folder, **key_of(identity))

    def reset(self, folder: str) -> None:
        """Delete the state of a data set, so that the next sync begins it again."""
        with self._database.writing():
            for table in ("syncs", "owed", "gaps", "pins", "absences", "future"):
                self._database.execute(f"DELETE FROM {table} WHERE folder = ?", folder)  # noqa: S608


def _look_of(row: sqlite3.Row) -> LastLook:
    moments = moment_of(row["looked"]), moment_or_none(row["latest"]), moment_or_none(row["newest"])
    return LastLook(*moments, None if row["retained"] is None else span_of(row["retained"]))


def _row_of(kept: Kept) -> dict[str, Any]:
    look, baseline = kept.last_look, kept.baseline
    return {
        "baseline": or_none(baseline.queued if baseline else None),
        "baseline_created": or_none(baseline.created if baseline else None),
        "looked": microseconds(look.at),
        "latest": or_none(look.latest),
        "newest": or_none(look.newest),
        "retained": None if look.retained is None else look.retained // timedelta(microseconds=1),
    }
