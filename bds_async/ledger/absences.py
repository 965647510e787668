"""The data sets with deliveries that the tenant no longer lists, and whether their absence was accepted."""

from __future__ import annotations

from collections.abc import Iterable

from ..support import clock
from .database import Database
from .rows import microseconds

_NOTE = "INSERT OR IGNORE INTO absences (folder, noticed) VALUES (?, ?)"
_ACCEPT = "UPDATE absences SET accepted = ? WHERE folder = ? AND accepted IS NULL"


class Absences:
    """The part of the ledger that records absent data sets, by their folders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accepted(self) -> frozenset[str]:
        """The folders of absent data sets whose absence was accepted."""
        rows = self._database.rows("SELECT folder FROM absences WHERE accepted IS NOT NULL")
        return frozenset(str(row["folder"]) for row in rows)

    def note(self, absent: Iterable[str], present: Iterable[str]) -> None:
        """Record absent data sets, and drop the records of those that are listed again."""
        now = microseconds(clock.now())
        with self._database.writing():
            self._database.execute_many("DELETE FROM absences WHERE folder = ?", [(folder,) for folder in present])
            self._database.execute_many(_NOTE, [(folder, now) for folder in absent])

    def accept(self, folder: str) -> int:
        """Accept the recorded absence of a data set; 1 if there was one to accept, else 0."""
        with self._database.writing():
            return self._database.execute(_ACCEPT, microseconds(clock.now()), folder).rowcount
