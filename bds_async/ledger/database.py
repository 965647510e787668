"""The ledger's SQLite database: opening it, and what its faults mean.

A rollback journal rather than WAL, which network folders do not carry; synchronous EXTRA, so that what was committed
outlives a power cut: with FULL the journal of a transaction could come back, and roll it back.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote

from ..errors import BdsError, ConfigError, DestinationError, LedgerBusy
from ..support import durable
from .format import NEWEST, bring_forward, format_of, is_ledger
from .rows import Unreadable
from .waiting import Patience, PatientConnection, is_held

#: Bytes of the smallest database that there is: one page of the smallest size.
_SMALLEST = 512

_UNREADABLE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOLFS,
    }
)


def open_database(path: Path, patience: Patience) -> PatientConnection:
    """A connection for writing, to a database that is made or brought forward as needed.

    Raises ConfigError for a newer format, DestinationError for a damaged or foreign file (which stays as it is) or a
    disk that fails.
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
    """Whether there is a database; raises DestinationError for what SQLite would take for a new one."""
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
        raise _damaged(path, "it is too short" if size else "it is empty")
    return True


def _make(path: Path) -> None:
    """Make a database under another name first, since SQLite begins with an empty file, and a kill may leave that.

    The journal of a ledger that somebody moved away would be taken for the new one's.
    """
    new = path.with_suffix(".new")
    for left in (path, new):
        _journal(left).unlink(missing_ok=True)
    new.unlink(missing_ok=True)
    with _connected(new, "rwc", Patience()) as connection:
        _set_up(connection)
        bring_forward(connection, 0)
    connection.close()
    durable.fsync_folder(path.parent)
    durable.replace(new, path)


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def read_database(path: Path, patience: Patience) -> PatientConnection:
    """A connection for reading alone; an empty database in memory where there is none. Nothing is created.

    Raises ConfigError for another format than this program's, DestinationError for a damaged or foreign file.
    """
    with ledger_faults(path):
        if not _is_there(path):
            return empty_database()
        # Not read-only as such: what a killed run left half-written can only be rolled back by writing.
        with _connected(path, "rw", patience) as connection:
            connection.execute("PRAGMA query_only = ON")
            if _format_of(connection, path) < NEWEST:
                raise ConfigError(f"The ledger {path} is of an older format; the next `pull` or `sync` renews it.")
            return connection


def _format_of(connection: sqlite3.Connection, path: Path) -> int:
    """The format of a ledger, read before anything is written: a foreign database is not to be altered."""
    try:
        found = format_of(connection)
        is_one = is_ledger(connection, found)
    except sqlite3.OperationalError as error:
        if _code(error) == sqlite3.SQLITE_ERROR:
            raise _damaged(path, error) from error
        raise
    if not is_one:
        raise _damaged(path, "it is no ledger of bds-async, or not a whole one")
    if found > NEWEST:
        raise ConfigError(f"The ledger {path} was written by a newer bds-async: install that version or a newer one.")
    return found


def empty_database() -> PatientConnection:
    """A database of the newest format in memory."""
    connection = _opened(":memory:")
    bring_forward(connection, 0)
    return connection


@contextlib.contextmanager
def ledger_faults(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk raise into errors that say what to do; defects pass unchanged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        explained = _explained(error, path)
        if explained is None:
            raise
        raise explained from error
    except Unreadable as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise DestinationError(f"The ledger {path} cannot be used: {error.strerror or error}.") from error


def _explained(error: sqlite3.DatabaseError, path: Path) -> BdsError | None:
    code = _code(error)
    if code in _UNREADABLE or (code is None and isinstance(error, sqlite3.OperationalError)):
        return _damaged(path, error)
    if is_held(error):
        return LedgerBusy(f"Another program holds the ledger {path}: close it, then run the command again.")
    if code in _DISK:
        return DestinationError(f"The ledger {path} cannot be written ({error}): see to the disk, then run again.")
    return None


def _code(error: sqlite3.DatabaseError) -> int | None:
    """SQLite's primary result code; None if Python raised it, as it does for text that is no UTF-8."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _damaged(path: Path, why: object) -> DestinationError:
    journal = _journal(Path(os.path.realpath(path)))
    # SQLite rolls it into whatever database is restored there.
    stray = f"remove {journal} and " if journal.exists() else ""
    return DestinationError(
        f"The ledger {path} is damaged ({why}): {stray}restore it from a backup, or move it away and run "
        "`bds-async ledger rebuild`, which makes one from the files that are there."
    )


@contextlib.contextmanager
def _connected(path: Path, mode: str, patience: Patience) -> Iterator[PatientConnection]:
    """A connection, which is closed if the use of it fails."""
    connection = _connect(path, mode)
    connection.patience = patience
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _connect(path: Path, mode: str) -> PatientConnection:
    place = path.absolute().as_posix()
    # As bytes, since a folder's name need not be text.
    uri = f"file://{'' if place.startswith('/') else '/'}{quote(os.fsencode(place), safe='/:')}?mode={mode}"
    return _opened(uri)


def _opened(place: str) -> PatientConnection:
    """A connection that knows `matches(path, pattern)`: SQL's own GLOB means other paths."""
    connection = PatientConnection(place)
    connection.create_function("matches", 2, fnmatchcase, deterministic=True)
    return connection
