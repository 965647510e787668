"""The extracts that are delivered or about to be published, one row each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from ..models import BdsType, Identity
from ..support import clock
from .database import Database
from .delivery import PAID, SELECT, WRITE, Delivery, State, delivery_of, row_of
from .future import HAS_COME
from .rows import SAME_EXTRACT, SECOND, key_of, microseconds, moment_of, moment_or_none, or_none, second_of
from .selection import IS_CHOSEN, Selection, Stock

_FROM_CHOSEN = f"FROM extracts JOIN plugins ON plugins.id = extracts.plugin WHERE {IS_CHOSEN}"
_STOCK = f"SELECT count(*) AS extracts, total(bytes) AS bytes, max(queued) AS newest {_FROM_CHOSEN}"
_OWE_CHOSEN = f"""
    INSERT OR IGNORE INTO owed (plugin_id, bds_type, queued, created, version, folder)
    SELECT plugin_id, bds_type, queued, created, version, folder {_FROM_CHOSEN}
    AND EXISTS (
        SELECT 1 FROM syncs WHERE syncs.folder = :folder AND queued >= coalesce({second_of("baseline")}, queued)
    )
"""  # noqa: S608
_DROP_CHOSEN = f"DELETE FROM extracts WHERE id IN (SELECT extracts.id {_FROM_CHOSEN})"  # noqa: S608
_FORGET = f"""
    DELETE FROM extracts WHERE id IN (
        SELECT extracts.id FROM extracts JOIN plugins ON plugins.id = extracts.plugin WHERE {SAME_EXTRACT}
    )
"""  # noqa: S608
_FINISH = f"""
    UPDATE extracts SET state = 'done', staged = NULL, delivered = :delivered WHERE id = (
        SELECT extracts.id FROM extracts JOIN plugins ON plugins.id = extracts.plugin WHERE {SAME_EXTRACT}
        ORDER BY state = 'intent' DESC, extracts.id LIMIT 1
    )
"""  # noqa: S608
_NEWEST = f"""
    SELECT folder, max(newest) AS newest FROM (
        SELECT folder, (SELECT queued FROM extracts WHERE plugin = plugins.id AND state = 'done' AND {HAS_COME}
                        ORDER BY queued DESC LIMIT 1) AS newest
        FROM plugins
    )
    WHERE newest IS NOT NULL GROUP BY folder
"""  # noqa: S608
_FOLDERS = "SELECT DISTINCT folder FROM plugins WHERE EXISTS (SELECT 1 FROM extracts WHERE plugin = plugins.id)"


class Deliveries:
    """The part of the ledger that records deliveries and their paths."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Reading

    def find(self, identity: Identity) -> Delivery | None:
        """The record of an extract that is delivered or about to be published."""
        return self._one(f"{SAME_EXTRACT} ORDER BY state = 'intent' DESC, extracts.id", **key_of(identity))

    def delivered(self, identity: Identity) -> Delivery | None:
        """The record of a delivered extract; None if it is not delivered."""
        found = self.find(identity)
        return found if found is not None and found.state is State.DONE else None

    def delivered_many(self, identities: Iterable[Identity]) -> dict[Identity, Delivery]:
        """The records of those extracts that are delivered; makes one query for each plugin."""
        by_plugin: defaultdict[tuple[str, BdsType], set[Identity]] = defaultdict(set)
        for identity in identities:
            by_plugin[identity.plugin_id, identity.bds_type].add(identity)
        return {
            delivery.identity: delivery
            for (plugin_id, bds_type), wanted in by_plugin.items()
            for delivery in self._between(plugin_id, bds_type, wanted)
            if delivery.identity in wanted
        }

    def _between(self, plugin_id: str, bds_type: BdsType, wanted: Iterable[Identity]) -> list[Delivery]:
        moments = [microseconds(identity.second) for identity in wanted]
        condition = "plugin_id = ? AND bds_type = ? AND queued BETWEEN ? AND ? AND state = 'done'"
        query = f"{SELECT} WHERE {condition}"
        return self._database.read(delivery_of, query, plugin_id, bds_type, min(moments), max(moments) + SECOND - 1)

    def at_path(self, path: str) -> Delivery | None:
        """The record of the extract with that path (case-insensitive), delivered or about to be published."""
        return self._one("path = :path COLLATE NOCASE", path=path)

    def _one(self, condition: str, **named: object) -> Delivery | None:
        return next(iter(self._database.read(delivery_of, f"{SELECT} WHERE {condition}", **named)), None)

    def totals(self) -> tuple[int, int]:
        """The number of delivered files, and their total size in bytes."""
        query = "SELECT count(*) AS files, total(bytes) AS bytes FROM extracts WHERE state = 'done' AND path NOTNULL"
        (row,) = self._database.rows(query)
        return int(row["files"]), int(row["bytes"])

    def intents(self) -> list[Delivery]:
        """The extracts that were about to be published when a run ended."""
        return self._database.read(delivery_of, f"{SELECT} WHERE state = 'intent' ORDER BY extracts.id")

    def all(self, folder: str | None = None) -> Iterator[Delivery]:
        """Every delivery, page by page: in the order of recording, or those of one folder in queued order."""
        if folder is not None:
            return self.chosen(folder, Selection())
        return self._database.as_recorded(delivery_of, f"{SELECT} WHERE state = 'done'")

    def chosen(self, folder: str, selection: Selection) -> Iterator[Delivery]:
        """The chosen deliveries of a data set in queued order, page by page."""
        query = f"{SELECT} WHERE {IS_CHOSEN}"
        return self._database.in_queued_order(delivery_of, query, **selection.values(folder))

    def stock(self, folder: str) -> Stock:
        """Figures of the deliveries of a data set."""
        (found,) = self._database.read(
            lambda row: Stock(int(row["extracts"]), int(row["bytes"]), moment_or_none(row["newest"])),
            _STOCK,
            **Selection().values(folder),
        )
        return found

    def newest(self) -> dict[str, datetime]:
        """The newest delivered queued date of each data set by its folder; dates in the future do not count."""
        return dict(self._database.read(lambda row: (row["folder"], moment_of(row["newest"])), _NEWEST))

    def folders(self) -> frozenset[str]:
        """The folders of data sets with any delivery."""
        return frozenset(str(row["folder"]) for row in self._database.rows(_FOLDERS))

    # Writing

    def together(self) -> AbstractContextManager[None]:
        """Use one transaction for all writes inside."""
        return self._database.writing()

    def intend(self, delivery: Delivery) -> None:
        """Record that a staged file is about to get its final name; replaces the record of the extract."""
        self._write(replace(delivery, state=State.INTENT))

    def record(self, delivery: Delivery) -> None:
        """Record a delivery that needs no publishing; replaces the record of the extract."""
        done = replace(delivery, state=State.DONE, staged=None)
        self._write(replace(done, delivered_at=delivery.delivered_at or clock.now()))

    def finish(self, intent: Delivery, at: datetime | None = None) -> Delivery:
        """Record that an intended extract got its final name at `at`, by default now; KeyError if it has no row."""
        done = replace(intent, state=State.DONE, staged=None, delivered_at=at or clock.now())
        values = {**key_of(intent.identity), "delivered": or_none(done.delivered_at)}
        with self._database.writing():
            if not self._database.execute(_FINISH, **values).rowcount:
                raise KeyError(intent.identity)
            self._database.execute(PAID, **values)
        return done

    def _write(self, delivery: Delivery) -> None:
        row = row_of(delivery)
        with self._database.writing():
            for statement in (*WRITE, PAID) if delivery.state is State.DONE else WRITE:
                self._database.execute(statement, **row)

    def forget(self, identity: Identity) -> bool:
        """Delete the record of an extract; False if there is none. The folder of its data set stays pinned."""
        with self._database.writing():
            return self._database.execute(_FORGET, **key_of(identity)).rowcount > 0

    def drop(self, folder: str, selection: Selection) -> int:
        """Delete the chosen deliveries of a data set and make them owed, so that a sync delivers them.

        If everything is chosen, nothing becomes owed: the data set begins again. Returns the number of deliveries.
        """
        values = selection.values(folder)
        with self._database.writing():
            if not selection.is_everything:
                self._database.execute(_OWE_CHOSEN, **values)
            return self._database.execute(_DROP_CHOSEN, **values).rowcount
