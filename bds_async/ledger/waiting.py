"""Waiting for another program that holds the ledger's database, in short steps, so that the wait can end early."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from ..support.patience import Patience

#: Seconds that SQLite itself waits, and seconds between two of its waits: it does not wait for every lock.
_STEP, _PAUSE = 0.1, 0.01
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class PatientConnection(sqlite3.Connection):
    """A connection whose `execute` waits for another program that holds the database, for as long as `patience` says.

    Any thread may use it. Python opens no transactions of its own. Rows are read by column name.
    """

    def __init__(self, place: str) -> None:
        super().__init__(place, timeout=_STEP, isolation_level=None, check_same_thread=False, uri=True)
        self.row_factory = sqlite3.Row
        self.patience = Patience()
        #: Called once before the first wait; raises if waiting is pointless.
        self.before_waiting: Callable[[], None] = _nothing

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute one statement; retry while SQLite is busy, since a busy statement has changed nothing."""
        began = time.monotonic()
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if not is_held(error):
                    raise
                self.before_waiting()
                self.before_waiting = _nothing
                if time.monotonic() - began >= self.patience.seconds:
                    self.patience.lose()
                    raise
            time.sleep(_PAUSE)


def is_held(error: sqlite3.Error) -> bool:
    """Whether another program holds the database."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _HELD


def _nothing() -> None:
    """Do nothing."""
