"""The ledger's SQLite file: creating and opening it.

It uses a rollback journal, since WAL does not work on network folders. It uses synchronous EXTRA, so that a committed
transaction survives a power cut: with FULL the deleted journal could reappear and roll the transaction back.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from urllib.parse import quote

from ..errors import ConfigError, DestinationError
from ..support import durable
from ..support.patience import Patience
from .faults import damaged, demand_locks, journal_of, ledger_faults, primary_code
from .migrations import NEWEST, bring_forward, format_of, is_ledger
from .waiting import PatientConnection

#: Bytes of the smallest possible database: one page of the smallest size.
_SMALLEST = 512


def open_database(path: Path, patience: Patience) -> PatientConnection:
    """Open a database for writing; create or migrate it if needed.

    Raises ConfigError for a newer format, DestinationError for a damaged or foreign file, which stays unchanged, or a
    failing disk.
    """
    with ledger_faults(path):
        if not _is_there(path):
            _make(path)
        with _connected(path, "rw", patience) as connection:
            found = _format_of(connection, path)
            _set_up(connection)
            bring_forward(connection, found)
            return connection


def _is_there(path: Path) -> bool:
    """Whether the database exists; raises DestinationError for a file that SQLite would take for a new database."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        text = f"The ledger {path} is a link, and what it leads to is not there: mount that, or remove the link."
        raise DestinationError(text) from None
    if size < _SMALLEST:
        raise damaged(path, "it is too short" if size else "it is empty")
    return True


def _make(path: Path) -> None:
    """Create a database, under another name first: SQLite begins with an empty file, which a kill would leave behind.

    Journals are removed before that: SQLite would apply the journal of a ledger that was moved away to the new one.
    """
    new = path.with_suffix(".new")
    for left in (path, new):
        journal_of(left).unlink(missing_ok=True)
    new.unlink(missing_ok=True)
    with _connected(new, "rwc", Patience()) as connection:
        _set_up(connection)
        bring_forward(connection, 0)
    connection.close()
    durable.fsync_folder(path.parent)
    durable.replace(new, path)


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def read_database(path: Path, patience: Patience) -> PatientConnection:
    """Open a database for reading only, or an empty one in memory if there is no file. Nothing is created.

    Raises ConfigError for a format other than this version's, DestinationError for a damaged or foreign file.
    """
    with ledger_faults(path):
        if not _is_there(path):
            return empty_database()
        # Not read-only: SQLite must write to roll back half-written changes of a killed run.
        with _connected(path, "rw", patience) as connection:
            connection.execute("PRAGMA query_only = ON")
            if _format_of(connection, path) < NEWEST:
                raise ConfigError(f"The ledger {path} is of an older format; the next `pull` or `sync` renews it.")
            return connection


def _format_of(connection: sqlite3.Connection, path: Path) -> int:
    """Check and return the format of a ledger. Nothing is written before, so a foreign database stays unchanged."""
    try:
        found = format_of(connection)
        is_one = is_ledger(connection, found)
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_ERROR:
            raise damaged(path, error) from error
        raise
    if not is_one:
        raise damaged(path, "it is not a ledger of bds-async, or not a complete one")
    if found > NEWEST:
        raise ConfigError(f"The ledger {path} was written by a newer bds-async: install that version or a newer one.")
    return found


def empty_database() -> PatientConnection:
    """A database of the newest format in memory."""
    connection = _opened(":memory:")
    bring_forward(connection, 0)
    return connection


@contextlib.contextmanager
def _connected(path: Path, mode: str, patience: Patience) -> Iterator[PatientConnection]:
    """A connection that is closed if its use fails."""
    connection = _connect(path, mode)
    connection.patience = patience
    connection.before_waiting = partial(demand_locks, path)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _connect(path: Path, mode: str) -> PatientConnection:
    place = path.absolute().as_posix()
    # As bytes, since the name of a folder may not be valid text.
    uri = f"file://{'' if place.startswith('/') else '/'}{quote(os.fsencode(place), safe='/:')}?mode={mode}"
    return _opened(uri)


def _opened(place: str) -> PatientConnection:
    """A connection with the function `matches(path, pattern)`: SQL's GLOB matches other paths."""
    connection = PatientConnection(place)
    connection.create_function("matches", 2, fnmatchcase, deterministic=True)
    return connection
