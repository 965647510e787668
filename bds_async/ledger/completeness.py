"""What the ledger says of completeness: the gaps, and up to when everything of a data set is delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ..models import BdsType
from ..planning.sync_state import Missed
from ..support import clock
from .rows import microseconds, moment_or_none
from .sync import END_OF_TIME, FILLED, GAPS, MARKED, SETTLE_GAPS, SyncRecords

#: Stands in a gap's `closed_by` where somebody accepted that what was missed is lost.
ACCEPTED = "(accepted as lost)"
_DONE = """
    SELECT 1 FROM extracts JOIN plugins ON plugins.id = extracts.plugin
    WHERE plugins.folder = gaps.folder AND state = 'done'
"""
#: Where gaps begin that nothing queued before a moment closes; with the folder and the moment.
_GAPS_UNTIL = f"""
    SELECT gap_after FROM gaps WHERE folder = ?1 AND coalesce(closed_by, '') NOT IN ('{ACCEPTED}', '{FILLED}')
    AND NOT EXISTS ({_DONE} AND bds_type = 'Differential' AND queued = lost)
    AND NOT EXISTS ({_DONE} AND bds_type = 'Full' AND queued > coalesce(gap_after, -1e18)
                    AND queued >= coalesce(gap_before, -1e18) AND queued < ?2)
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class KnownGap:
    """A gap as the ledger holds it; `closed_by` is the path of the file that closed it, None while it is open."""

    folder: str
    missed: Missed
    closed_by: str | None

    def tells_more_than(self, other: KnownGap) -> bool:
        """Whether it is the same closed gap as another, which was open when nobody knew what lies behind it."""
        if (self.folder, self.missed.after, self.closed_by) != (other.folder, other.missed.after, other.closed_by):
            return False
        return self.closed_by is not None and other.missed.before is None and self.missed.before is not None


class CompletenessRecords(SyncRecords):
    """The part of the ledger that is about completeness."""

    def gaps(self, folders: Iterable[str]) -> list[KnownGap]:
        """The gaps of data sets that are open or, closed by the first file that does, not settled yet.

        One that was closed without a file here is told no more.
        """
        found: dict[tuple[str, Missed], str | None] = {}
        with self._statements():
            for folder in folders:
                for after, before, *_, closed_by in self._rows(GAPS, folder):
                    span = folder, Missed(moment_or_none(after), moment_or_none(before))
                    found[span] = closed_by and found.get(span, closed_by)
        known = [KnownGap(*span, closed_by) for span, closed_by in found.items() if closed_by not in (FILLED, MARKED)]
        return [gap for gap in known if not any(other.tells_more_than(gap) for other in known)]

    def settle_gaps(self, folders: Iterable[str]) -> None:
        """Let each gap that a delivered full covers be closed for good, and told no more."""
        now = microseconds(clock.now())
        with self._writing():
            self._connection.executemany(SETTLE_GAPS, [(now, folder) for folder in folders])

    def accept_gaps(self, folder: str) -> int:
        """Close the open gaps of a data set without a full, since somebody lives with them; how many there were."""
        query = "UPDATE gaps SET closed = ?, closed_by = ? WHERE folder = ? AND closed IS NULL"
        with self._writing():
            found = len(self._open_gaps(folder))
            self._connection.execute(query, (microseconds(clock.now()), ACCEPTED, folder))
            return found

    def complete_through(self, folder: str) -> datetime | None:
        """The queued date up to which everything of a data set is delivered, None if there is no such moment.

        It stops before what is owed, and where a gap begins that is open, or closed by a full after that. Of a data
        set that no sync has planned, the newest full alone is known to be complete.
        """
        with self._statements():
            newest = self._newest(folder)
            if self._last_look(folder) is None:
                return newest.get(BdsType.FULL)
            return self._complete_through(folder)

    def _complete_through(self, folder: str) -> datetime | None:
        ((owed,),) = self._rows("SELECT min(queued) FROM owed WHERE folder = ?", folder)
        until_owed = END_OF_TIME if owed is None else owed
        gaps = [after for (after,) in self._rows(_GAPS_UNTIL, folder, until_owed)]
        if None in gaps:
            return None
        until = self._newest(folder, min([until_owed, *(after + 1 for after in gaps)]))
        last = max(until.values(), default=None)
        baseline, full = self._baseline(folder), until.get(BdsType.FULL)
        has_base = baseline is None or bool(gaps) or (full is not None and full >= baseline.queued)
        return last if has_base else None
