"""The database that the parts of the ledger share: its lock, its errors, its transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ..support.translating import Translating
from .faults import ledger_fault
from .migrations import transaction
from .rows import microseconds
from .waiting import PatientConnection

Made = TypeVar("Made")

#: Rows that are read at a time.
PAGE = 1000
_FIRST_MOMENT = microseconds(datetime.min.replace(tzinfo=UTC))


class _Statements(Translating):
    """Holds the lock of a database and translates its errors; created once, since it is entered often."""

    __slots__ = ("_lock",)

    def __init__(self, path: Path, lock: threading.RLock) -> None:
        super().__init__(partial(ledger_fault, path))
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()
        super().__exit__(kind, error, traceback)


class Database:
    """A connection that any thread may use; calls wait for each other.

    Every call may raise DestinationError (the disk, a damaged file) or LedgerBusy (another program holds the
    database for too long).
    """

    def __init__(self, path: Path, connection: PatientConnection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._statements = _Statements(path, self._lock)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def statements(self) -> AbstractContextManager[None]:
        """Hold the lock for a group of statements, and while their rows are read."""
        return self._statements

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Run the statements inside as one transaction."""
        with self._statements, transaction(self._connection):
            yield

    def execute(self, query: str, *values: Any, **named: Any) -> sqlite3.Cursor:
        """Execute one statement with positional or named values."""
        with self._statements:
            return self._connection.execute(query, named or values)

    def execute_many(self, query: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Execute one statement for each of many rows of values."""
        with self._statements:
            self._connection.executemany(query, rows)

    def rows(self, query: str, *values: Any, **named: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._statements:
            return self._connection.execute(query, named or values).fetchall()

    def row(self, query: str, *values: Any, **named: Any) -> sqlite3.Row | None:
        """The first row of a query, None if it has none."""
        return next(iter(self.rows(query, *values, **named)), None)

    def read(self, make: Callable[[sqlite3.Row], Made], query: str, *values: Any, **named: Any) -> list[Made]:
        """Apply `make` to each row of a query; report a value that the ledger never writes as damage."""
        return self.made(make, self.rows(query, *values, **named))

    def made(self, make: Callable[[sqlite3.Row], Made], rows: Iterable[sqlite3.Row]) -> list[Made]:
        """Apply `make` to each row."""
        with self._statements:
            return [make(row) for row in rows]

    def in_queued_order(self, make: Callable[[sqlite3.Row], Made], query: str, **named: Any) -> Iterator[Made]:
        """Apply `make` to the rows of a query about extracts in queued order, page by page.

        The query ends with a condition and selects `id` and `queued`.
        """
        page = "(queued, extracts.id) > (:last_queued, :last_id) ORDER BY queued, extracts.id LIMIT :limit"
        last = {"last_queued": _FIRST_MOMENT, "last_id": 0}
        while rows := self.rows(f"{query} AND {page}", **named, **last, limit=PAGE):
            yield from self.made(make, rows)
            last = {"last_queued": rows[-1]["queued"], "last_id": rows[-1]["id"]}

    def as_recorded(self, make: Callable[[sqlite3.Row], Made], query: str) -> Iterator[Made]:
        """Apply `make` to the rows of a query in the order in which the extracts were first recorded, page by page."""
        last = 0
        while rows := self.rows(f"{query} AND extracts.id > ? ORDER BY extracts.id LIMIT ?", last, PAGE):
            yield from self.made(make, rows)
            last = rows[-1]["id"]
