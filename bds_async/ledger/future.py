"""The extracts whose dates were in the future when they were listed: delivered, but not used for any conclusion.

An extract stays recorded until it is listed again when its date has come. If the tenant corrects the date, the extract
gets another identity, and the recorded one never counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ..models import Identity
from .database import Database
from .rows import identity_of, key_of, microseconds, second_of

#: SQL condition: the date of an extract, joined with its plugin, has come.
HAS_COME = f"""
    NOT EXISTS (
        SELECT 1 FROM future WHERE future.plugin_id = plugins.plugin_id AND future.bds_type = plugins.bds_type
        AND future.version = extracts.version AND {second_of("future.queued")} = {second_of("extracts.queued")}
        AND {second_of("future.created")} = {second_of("extracts.created")}
    )
"""  # noqa: S608
_ADD = "INSERT INTO future VALUES (:plugin_id, :bds_type, :queued, :created, :version, :folder)"
_DELIVERED_AFTER = """
    SELECT plugin_id, bds_type, queued, created, version FROM extracts JOIN plugins ON plugins.id = extracts.plugin
    WHERE folder = ? AND queued > ? AND state = 'done'
"""


class Future:
    """The part of the ledger that records extracts with a date in the future, by the folders of their data sets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recorded(self, folder: str) -> frozenset[Identity]:
        """The recorded extracts of a data set."""
        return frozenset(self._database.read(identity_of, "SELECT * FROM future WHERE folder = ?", folder))

    def seen(
        self, folder: str, listed: Iterable[Identity], future: Iterable[Identity], horizon: datetime | None
    ) -> frozenset[Identity]:
        """The extracts to record after a look; the dates of `listed` have come, those of `future` have not.

        They are `future`, those delivered with a date after `horizon`, and those recorded before and not in `listed`.
        """
        with self._database.statements():
            delivered = self._delivered_after(folder, horizon) if horizon is not None else ()
            return self.recorded(folder).difference(listed).union(future, delivered)

    def _delivered_after(self, folder: str, horizon: datetime) -> list[Identity]:
        return self._database.read(identity_of, _DELIVERED_AFTER, folder, microseconds(horizon))

    def record(self, seen: Mapping[str, Iterable[Identity]]) -> None:
        """Replace the records of data sets, by their folders."""
        with self._database.writing():
            for folder, identities in seen.items():
                self._database.execute("DELETE FROM future WHERE folder = ?", folder)
                for identity in identities:
                    self._database.execute(_ADD, folder=folder, **key_of(identity))
