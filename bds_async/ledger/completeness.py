"""The date up to which a data set is completely delivered."""

from __future__ import annotations

from datetime import datetime

from ..models import BdsType
from .database import Database
from .gaps import Gaps
from .rows import SECOND
from .syncs import END_OF_TIME, Syncs


class Completeness:
    """The part of the ledger that says how complete a data set is."""

    def __init__(self, database: Database, gaps: Gaps, syncs: Syncs) -> None:
        self._database = database
        self._gaps = gaps
        self._syncs = syncs

    def through(self, folder: str) -> datetime | None:
        """The queued date up to which everything of a data set is delivered, None if there is no such date.

        It is before the first owed extract, and not after the start of a gap that is open or was closed by a later
        full. If no sync has planned the data set, it is the queued date of the newest full.
        """
        with self._database.statements():
            newest = self._syncs.newest(folder)
            if self._syncs.last_look(folder) is None:
                return newest.get(BdsType.FULL)
            return self._by_syncs(folder)

    def _by_syncs(self, folder: str) -> datetime | None:
        until_owed = self._until_owed(folder)
        beginnings = self._gaps.beginnings(folder, until_owed)
        known = [begin for begin in beginnings if begin is not None]
        if len(known) < len(beginnings):
            return None
        until = self._syncs.newest(folder, min([until_owed, *(begin - begin % SECOND + SECOND for begin in known)]))
        last = max(until.values(), default=None)
        baseline, full = self._syncs.baseline(folder), until.get(BdsType.FULL)
        has_base = baseline is None or bool(known) or (full is not None and baseline.is_reached_by(full))
        return last if has_base else None

    def _until_owed(self, folder: str) -> int:
        (row,) = self._database.rows("SELECT min(queued) AS owed FROM owed WHERE folder = ?", folder)
        return END_OF_TIME if row["owed"] is None else int(row["owed"])
