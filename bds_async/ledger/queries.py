"""What the ledger can be asked."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..models import BdsType, Identity
from .database import ledger_faults
from .format import transaction
from .rows import SELECT, Delivery, State, delivery_of, microseconds, row_key
from .waiting import PatientConnection

PAGE = 1000


class LedgerQueries:
    """The reading half of the ledger. Any thread may call it; calls wait for each other.

    Every call may raise DestinationError (the disk, a damaged file) or LedgerBusy (another program holds the
    database for too long).
    """

    def __init__(self, path: Path, connection: PatientConnection) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.RLock()

    def hurry(self) -> None:
        """Wait no longer than a moment for other programs from now on: the run is to end. From any thread."""
        self._connection.patience.cut()

    @contextlib.contextmanager
    def _statements(self) -> Iterator[None]:
        with self._lock, ledger_faults(self._path):
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Everything inside is written, or nothing of it."""
        with self._statements(), transaction(self._connection):
            yield

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._statements():
            return self._connection.execute(query, values).fetchall()

    def _deliveries(self, condition: str, *values: Any) -> list[Delivery]:
        return self._read(self._rows(f"{SELECT} WHERE {condition}", *values))

    def _read(self, rows: Iterable[tuple[Any, ...]]) -> list[Delivery]:
        with self._statements():
            return [delivery_of(row) for row in rows]

    def delivered(self, identity: Identity) -> Delivery | None:
        """What is known of an extract that has been delivered; None if it has not."""
        found = self._find(identity)
        return found if found is not None and found.state is State.DONE else None

    def delivered_many(self, identities: Iterable[Identity]) -> dict[Identity, Delivery]:
        """Those of many extracts that have been delivered; one query for each plugin."""
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
        moments = [microseconds(identity.queued_for_processing_date) for identity in wanted]
        condition = "plugins.plugin_id = ? AND plugins.bds_type = ? AND extracts.queued BETWEEN ? AND ?"
        bounds = (plugin_id, bds_type, min(moments), max(moments))
        return self._deliveries(f"{condition} AND extracts.state = 'done'", *bounds)

    def _find(self, identity: Identity) -> Delivery | None:
        condition = "plugins.plugin_id = ? AND plugins.bds_type = ? AND queued = ? AND created = ? AND version = ?"
        found = self._deliveries(condition, identity.plugin_id, identity.bds_type, *row_key(identity))
        return found[0] if found else None

    def at_path(self, path: str) -> Delivery | None:
        """The extract that has a path, delivered or about to be; case makes no difference."""
        found = self._deliveries("extracts.path = ? COLLATE NOCASE", path)
        return found[0] if found else None

    def totals(self) -> tuple[int, int]:
        """How many files have been delivered, and how many bytes they have together."""
        query = "SELECT count(*), total(bytes) FROM extracts WHERE state = 'done' AND path IS NOT NULL"
        ((files, size),) = self._rows(query)
        return int(files), int(size)

    def intents(self) -> list[Delivery]:
        """What was about to be published when a run ended."""
        return self._deliveries("extracts.state = 'intent' ORDER BY extracts.id")

    def deliveries(self, folder: str | None = None) -> Iterator[Delivery]:
        """Everything delivered, page by page: as it was recorded, or of one data set's folder in queued order."""
        return self._as_recorded() if folder is None else self._of_folder(folder)

    def _as_recorded(self) -> Iterator[Delivery]:
        query = f"{SELECT} WHERE state = 'done' AND extracts.id > ? ORDER BY extracts.id LIMIT {PAGE}"
        last = 0
        while rows := self._rows(query, last):
            yield from self._read(rows)
            last = rows[-1][0]

    def _of_folder(self, folder: str) -> Iterator[Delivery]:
        return self._in_queued_order("plugins.folder = :folder AND state = 'done'", {"folder": folder})

    def _in_queued_order(self, condition: str, values: Mapping[str, Any]) -> Iterator[Delivery]:
        """What a condition about deliveries holds for, page by page."""
        page = "(queued, extracts.id) > (:last_queued, :last_id) ORDER BY queued, extracts.id LIMIT :limit"
        last = {"last_queued": microseconds(datetime.min.replace(tzinfo=UTC)), "last_id": 0, "limit": PAGE}
        while rows := self._page(f"{SELECT} WHERE {condition} AND {page}", {**values, **last}):
            yield from self._read(rows)
            last |= {"last_queued": rows[-1][3], "last_id": rows[-1][0]}

    def _page(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with self._statements():
            return self._connection.execute(query, values).fetchall()
