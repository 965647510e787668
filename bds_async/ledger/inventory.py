"""What the ledger holds of each data set, and dropping some of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..models import BdsType, DataSet, Plugin
from .queries import LedgerQueries
from .rows import Delivery, flavour_of, microseconds, moment_of, moment_or_none

_IS_CHOSEN = """
    folder = :folder AND state = 'done' AND (:since IS NULL OR queued >= :since)
    AND (:until IS NULL OR queued <= :until) AND (:path IS NULL OR path IS NOT NULL AND matches(path, :path))
"""
_CHOSEN = f"FROM extracts JOIN plugins ON plugins.id = extracts.plugin WHERE {_IS_CHOSEN}"
_OWE_CHOSEN = f"""
    INSERT OR IGNORE INTO owed (plugin_id, bds_type, queued, created, version, folder)
    SELECT plugin_id, bds_type, queued, created, version, folder {_CHOSEN}
    AND EXISTS (SELECT 1 FROM syncs WHERE syncs.folder = :folder AND queued >= coalesce(baseline, queued))
"""  # noqa: S608
_NEWEST = """
    SELECT folder, max(newest) FROM (
        SELECT folder, (SELECT queued FROM extracts WHERE plugin = plugins.id AND state = 'done'
                        ORDER BY queued DESC LIMIT 1) AS newest
        FROM plugins
    )
    WHERE newest IS NOT NULL GROUP BY folder
"""
_DROP_CHOSEN = f"DELETE FROM extracts WHERE id IN (SELECT extracts.id {_CHOSEN})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Selection:
    """Some extracts of a data set: queued at or between two moments, with a path that matches (`*`, `?`, `[...]`)."""

    since: datetime | None = None
    until: datetime | None = None
    path: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selection()

    def values(self, folder: str) -> dict[str, Any]:
        """What the statements about the chosen extracts of a folder want."""
        moments = {"since": self.since, "until": self.until}
        numbers = {name: None if moment is None else microseconds(moment) for name, moment in moments.items()}
        return {"folder": folder, "path": self.path, **numbers}


@dataclass(frozen=True, slots=True)
class Stock:
    """How much of a data set has been delivered: extracts, bytes of their files, the newest queued date."""

    extracts: int
    bytes: int
    newest: datetime | None


class Inventory(LedgerQueries):
    """The part of the ledger that counts and drops."""

    def data_sets(self) -> dict[str, DataSet]:
        """Every data set that has a folder, as it was last seen, by its folder."""
        plugins: defaultdict[str, dict[BdsType, tuple[str, str, str | None]]] = defaultdict(dict)
        query = "SELECT folder, bds_type, plugin_id, data_set, schema_id FROM plugins ORDER BY id"
        with self._statements():
            for folder, bds_type, *known in self._rows(query):
                plugins[folder][flavour_of(bds_type)] = (known[0], known[1], known[2])
        rows = self._rows("SELECT folders.folder, min(data_set_id) FROM folders LEFT JOIN folder_ids USING (folder) "
                          "GROUP BY folders.folder ORDER BY folders.folder")  # fmt: skip
        return {folder: _data_set(folder, some_id, plugins[folder]) for folder, some_id in rows}

    def stock(self, folder: str) -> Stock:
        """How much of a data set has been delivered."""
        query = f"SELECT count(*), total(bytes), max(queued) {_CHOSEN}"
        with self._statements():
            count, size, newest = self._connection.execute(query, Selection().values(folder)).fetchone()
            return Stock(int(count), int(size), moment_or_none(newest))

    def newest_delivered(self) -> dict[str, datetime]:
        """The newest delivered queued date of each data set that has any, by its folder; without counting the rest."""
        with self._statements():
            return {folder: moment_of(newest) for folder, newest in self._rows(_NEWEST)}

    def chosen(self, folder: str, selection: Selection) -> Iterator[Delivery]:
        """The delivered extracts of a data set that a selection names, in queued order, page by page."""
        return self._in_queued_order(_IS_CHOSEN, selection.values(folder))

    def drop(self, folder: str, selection: Selection) -> int:
        """Forget deliveries of a data set; how many. What a sync would not deliver by itself again is owed then.

        Everything at once makes the data set begin anew.
        """
        values = selection.values(folder)
        with self._writing():
            if not selection.is_everything:
                self._connection.execute(_OWE_CHOSEN, values)
            return self._connection.execute(_DROP_CHOSEN, values).rowcount


def _data_set(folder: str, some_id: str | None, plugins: dict[BdsType, tuple[str, str, str | None]]) -> DataSet:
    full, differential = plugins.get(BdsType.FULL), plugins.get(BdsType.DIFFERENTIAL)
    if full is None and differential is None:
        return DataSet(None, Plugin(some_id or "", folder), None)
    return DataSet(
        next((known[2] for known in (full, differential) if known is not None and known[2]), None),
        Plugin(full[0], full[1]) if full is not None else None,
        Plugin(differential[0], f"{differential[1]} Differential") if differential is not None else None,
    )
