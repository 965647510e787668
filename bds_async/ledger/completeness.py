"""What the ledger says of completeness: the gaps, and up to when everything of a data set is delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .. import clock
from ..models import BdsType
from ..sync_state import Missed
from .rows import microseconds, moment_or_none
from .sync import END_OF_TIME, GAPS, MARKED, SETTLE_GAPS, SyncRecords

#: Stands in a gap's `closed_by` where somebody accepted that what was missed is lost.
ACCEPTED = "(accepted as lost)"


@dataclass(frozen=True, slots=True)
class KnownGap:
    """A gap as the ledger holds it; `closed_by` is None while it is open."""

    folder: str
    missed: Missed
    closed_by: str | None


class CompletenessRecords(SyncRecords):
    """The part of the ledger that is about completeness."""

    def gaps(self, folders: Iterable[str]) -> list[KnownGap]:
        """The gaps of data sets that are open or, closed by the first full that covers one, not settled yet."""
        return [
            KnownGap(folder, Missed(moment_or_none(after), moment_or_none(before)), closed_by)
            for folder in folders
            for after, before, closed_by in self._rows(GAPS, MARKED, folder)
        ]

    def settle_gaps(self, folders: Iterable[str]) -> None:
        """Let each gap that a delivered full covers be closed for good, and told no more."""
        now = microseconds(clock.now())
        with self._writing():
            self._connection.executemany(SETTLE_GAPS, [(now, MARKED, folder) for folder in folders])

    def accept_gaps(self, folder: str) -> int:
        """Close the open gaps of a data set without a full, since somebody lives with them; how many there were."""
        query = "UPDATE gaps SET closed = ?, closed_by = ? WHERE folder = ? AND closed IS NULL"
        found = len(self._open_gaps(folder))
        with self._writing():
            self._connection.execute(query, (microseconds(clock.now()), ACCEPTED, folder))
        return found

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
