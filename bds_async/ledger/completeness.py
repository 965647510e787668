"""What the ledger says of completeness: the gaps, and up to when everything of a data set is delivered."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from .. import clock
from ..models import BdsType
from ..sync_state import Missed
from .rows import microseconds, moment_or_none, or_none
from .sync import END_OF_TIME, SyncRecords

#: Stands in a gap's `closed_by` where its full was never a file here.
MARKED = "(a full that was marked as delivered)"
#: Stands there where somebody accepted that what was missed is lost.
ACCEPTED = "(accepted as lost)"

_CLOSING = """
    SELECT coalesce(path, ?) FROM extracts JOIN plugins ON plugins.id = extracts.plugin
    WHERE plugins.folder = ? AND bds_type = 'Full' AND state = 'done'
    AND queued > coalesce(?, -1e18) AND queued >= coalesce(?, -1e18) ORDER BY queued LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class KnownGap:
    """A gap as the ledger holds it; `closed_by` is None while it is open."""

    folder: str
    missed: Missed
    closed_by: str | None


class CompletenessRecords(SyncRecords):
    """The part of the ledger that is about completeness."""

    def gaps(self, folders: Collection[str], since: datetime | None = None) -> list[KnownGap]:
        """The open gaps of data sets; those too that opened or were closed at or after a moment."""
        query = """
            SELECT folder, gap_after, gap_before, closed, closed_by FROM gaps
            WHERE folder = ?1 AND (closed IS NULL OR closed >= ?2 OR opened >= ?2) ORDER BY id
        """
        moment = or_none(since)
        rows = [row for folder in folders for row in self._rows(query, folder, moment)]
        return [
            KnownGap(folder, Missed(moment_or_none(after), moment_or_none(before)), None if closed is None else by)
            for folder, after, before, closed, by in rows
        ]

    def settle_gaps(self, folders: Iterable[str]) -> None:
        """Close each open gap that a delivered full covers: by the first one that does."""
        now = microseconds(clock.now())
        query = "SELECT id, gap_after, gap_before FROM gaps WHERE folder = ? AND closed IS NULL"
        for folder in folders:
            for gap, after, before in self._rows(query, folder):
                for (path,) in self._rows(_CLOSING, MARKED, folder, after, before):
                    self._close(gap, now, path)

    def accept_gaps(self, folder: str) -> int:
        """Close the open gaps of a data set without a full, since somebody lives with them; how many there were."""
        found = self._rows("SELECT id FROM gaps WHERE folder = ? AND closed IS NULL", folder)
        for (gap,) in found:
            self._close(gap, microseconds(clock.now()), ACCEPTED)
        return len(found)

    def _close(self, gap: int, at: int, by: str) -> None:
        with self._writing():
            self._connection.execute("UPDATE gaps SET closed = ?, closed_by = ? WHERE id = ?", (at, by, gap))

    def complete_through(self, folder: str) -> datetime | None:
        """The queued date up to which everything of a data set is delivered, None if there is no such moment.

        It stops before what is owed, and where an open gap begins. Of a data set that no sync has planned, the newest
        full alone is known to be complete.
        """
        with self._statements():
            newest = self._newest(folder)
            if self._last_look(folder) is None:
                return newest.get(BdsType.FULL)
            return self._complete_through(folder)

    def _complete_through(self, folder: str) -> datetime | None:
        gaps = [gap.after for gap in self._open_gaps(folder)]
        if None in gaps:
            return None
        ends = [microseconds(moment) + 1 for moment in gaps if moment is not None]
        ((owed,),) = self._rows("SELECT min(queued) FROM owed WHERE folder = ?", folder)
        until = self._newest(folder, min([*ends, END_OF_TIME if owed is None else owed]))
        last = max(until.values(), default=None)
        baseline, full = self._baseline(folder), until.get(BdsType.FULL)
        has_base = baseline is None or bool(gaps) or (full is not None and full >= baseline.queued)
        return last if has_base else None
