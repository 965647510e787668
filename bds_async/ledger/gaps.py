"""The gaps of data sets: missing differentials, and what closed each gap."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ..support import clock
from .database import Database
from .future import HAS_COME
from .rows import SECOND, microseconds, moment_or_none, or_none, second_of
from .sync_memory import Missed

#: Value of `closed_by` for a gap in which nothing is missing after all.
FILLED = "(what was missed is listed again)"
#: Value of `closed_by` for a gap closed by an extract that never was a file here.
MARKED = "(marked as delivered)"
#: Value of `closed_by` for a gap that was accepted as lost.
ACCEPTED = "(accepted as lost)"

_ADD = "INSERT INTO gaps (folder, gap_after, gap_before, lost, seen, opened) VALUES (?, ?, ?, ?, ?, ?)"
_FILL = f"""
    UPDATE gaps SET closed_by = '{FILLED}' WHERE folder = ? AND gap_after IS ? AND gap_before IS ? AND seen IS NOT NULL
    AND closed IS NULL
"""  # noqa: S608
_DELIVERED = f"""
    SELECT coalesce(path, '{MARKED}') FROM extracts JOIN plugins ON plugins.id = extracts.plugin
    WHERE plugins.folder = gaps.folder AND state = 'done'
"""  # noqa: S608
_IS_LOST_ONE = f"bds_type = 'Differential' AND {second_of('queued')} = {second_of('lost')}"
_COVERS = f"""
    bds_type = 'Full' AND {HAS_COME} AND queued >= coalesce({second_of("gap_after")} + {SECOND}, -1e18)
    AND queued >= coalesce({second_of("gap_before")}, -1e18)
"""
#: What closes a gap: the lost differential, once it is delivered, or the first full that covers the gap.
_CLOSED_BY = f"""
    coalesce(
        closed_by,
        ({_DELIVERED} AND {_IS_LOST_ONE} LIMIT 1),
        ({_DELIVERED} AND {_COVERS} ORDER BY queued LIMIT 1)
    )
"""
#: The unsettled gaps of a folder, with what closed each.
_UNSETTLED = f"""
    SELECT folder, gap_after, gap_before, lost, seen, {_CLOSED_BY} AS closer FROM gaps
    WHERE folder = ? AND closed IS NULL ORDER BY id
"""  # noqa: S608
_SETTLE = f"""
    UPDATE gaps SET closed = ?, closed_by = {_CLOSED_BY}
    WHERE folder = ? AND closed IS NULL AND {_CLOSED_BY} IS NOT NULL
"""  # noqa: S608
_ACCEPT = "UPDATE gaps SET closed = ?, closed_by = ? WHERE folder = ? AND closed IS NULL"
_WAITING = "SELECT DISTINCT folder FROM gaps WHERE closed IS NULL"
#: The starts of gaps that are not closed by anything queued before a moment; values: the folder and the moment.
_BEGINNINGS = f"""
    SELECT gap_after FROM gaps WHERE folder = ?1 AND coalesce(closed_by, '') NOT IN ('{ACCEPTED}', '{FILLED}')
    AND NOT EXISTS ({_DELIVERED} AND {_IS_LOST_ONE}) AND NOT EXISTS ({_DELIVERED} AND {_COVERS} AND queued < ?2)
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class KnownGap:
    """A gap in the ledger; `closed_by` is the path of the file that closed it, None while it is open."""

    folder: str
    missed: Missed
    closed_by: str | None

    def extends(self, other: KnownGap) -> bool:
        """Whether both are the same closed gap, and the other one was recorded before its end was known."""
        if (self.folder, self.missed.after, self.closed_by) != (other.folder, other.missed.after, other.closed_by):
            return False
        return self.closed_by is not None and other.missed.before is None and self.missed.before is not None


class Gaps:
    """The part of the ledger that records gaps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, folders: Iterable[str]) -> list[KnownGap]:
        """The gaps of data sets that are open, or closed by a file but not settled yet.

        A gap that was closed without a file is not reported.
        """
        found: dict[tuple[str, Missed], str | None] = {}
        for folder in folders:
            for gap in self._unsettled(folder):
                span = folder, gap.missed
                found[span] = gap.closed_by and found.get(span, gap.closed_by)
        known = [KnownGap(*span, closed_by) for span, closed_by in found.items() if closed_by not in (FILLED, MARKED)]
        return [gap for gap in known if not any(other.extends(gap) for other in known)]

    def open(self, folder: str) -> tuple[Missed, ...]:
        """The open gaps of a data set."""
        return tuple(gap.missed for gap in self._unsettled(folder) if gap.closed_by is None)

    def _unsettled(self, folder: str) -> list[KnownGap]:
        return self._database.read(_gap_of, _UNSETTLED, folder)

    def folders(self) -> frozenset[str]:
        """The folders of data sets that have an open gap."""
        folders = [str(row["folder"]) for row in self._database.rows(_WAITING)]
        return frozenset(folder for folder in folders if self.open(folder))

    def beginnings(self, folder: str, until: int) -> list[int | None]:
        """The starts of the gaps that nothing queued before `until` closes; moments are numbers as in rows."""
        return [row["gap_after"] for row in self._database.rows(_BEGINNINGS, folder, until)]

    def note(self, folder: str, opened: Iterable[Missed], filled: Iterable[Missed]) -> None:
        """Record the new gaps of a data set, and close those in which nothing is missing after all."""
        now = microseconds(clock.now())
        with self._database.writing():
            self._database.execute_many(_ADD, [(folder, *_row_of(missed), now) for missed in opened])
            self._database.execute_many(_FILL, [(folder, *_row_of(missed)[:2]) for missed in filled])

    def settle(self, folders: Iterable[str]) -> None:
        """Close for good each gap that a delivered full covers, so that it is not reported again."""
        now = microseconds(clock.now())
        with self._database.writing():
            self._database.execute_many(_SETTLE, [(now, folder) for folder in folders])

    def accept(self, folder: str) -> int:
        """Close the open gaps of a data set as accepted, without a full; returns their number."""
        with self._database.writing():
            found = len(self.open(folder))
            self._database.execute(_ACCEPT, microseconds(clock.now()), ACCEPTED, folder)
            return found


def _gap_of(row: sqlite3.Row) -> KnownGap:
    moments = (moment_or_none(row[name]) for name in ("gap_after", "gap_before", "lost", "seen"))
    return KnownGap(row["folder"], Missed(*moments), row["closer"])


def _row_of(missed: Missed) -> tuple[int | None, ...]:
    return tuple(map(or_none, (missed.after, missed.before, missed.lost, missed.seen)))
