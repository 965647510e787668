"""The meaning of the errors of the ledger's database."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from pathlib import Path

from ..errors import BdsError, DestinationError, LedgerBusy
from ..support.byte_locks import lock_refusal
from ..support.translating import Translating
from .rows import Unreadable
from .waiting import is_held

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
#: Result codes that missing permissions can cause.
_REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
#: Result codes of a database whose file, folder or journal has been moved or removed.
_GONE = frozenset({sqlite3.SQLITE_IOERR_DELETE_NOENT, sqlite3.SQLITE_READONLY_DBMOVED})
#: Result codes that a file system without locks can cause, among other faults.
_LOCKING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN})


def ledger_faults(path: Path) -> Translating:
    """Translate errors of SQLite and the disk into errors that say what to do; defects pass unchanged."""
    return Translating(partial(ledger_fault, path))


def ledger_fault(path: Path, error: Exception) -> BdsError | None:
    """Translate an error of SQLite or the disk into one that says what to do; None for a defect."""
    match error:
        case sqlite3.DatabaseError():
            return _explained(error, path)
        case Unreadable():
            return damaged(path, error)
        case OSError():
            why = error.strerror or error
            return DestinationError(f"The ledger {path} cannot be used ({why}): {_advice(error)}, then run again.")
    return None


def _explained(error: sqlite3.DatabaseError, path: Path) -> BdsError | None:
    code = primary_code(error)
    if code in _LOCKING and (refusal := _lock_refusal(path)) is not None:
        return refusal
    if code in _UNREADABLE or (code is None and isinstance(error, sqlite3.OperationalError)):
        return damaged(path, error)
    if is_held(error):
        return LedgerBusy(f"Another program holds the ledger {path}: close it, then run the command again.")
    if getattr(error, "sqlite_errorcode", None) in _GONE:
        return DestinationError(
            f"The ledger {path} was removed or moved while it was in use: put it back, then run again."
        )
    if code in _DISK:
        why = f"{error}, {error.sqlite_errorname}"
        return DestinationError(f"The ledger {path} cannot be written ({why}): {_advice(error)}, then run again.")
    return None


def _advice(error: sqlite3.DatabaseError | OSError) -> str:
    code = primary_code(error) if isinstance(error, sqlite3.DatabaseError) else None
    is_refused = isinstance(error, PermissionError) or code in _REFUSED
    return f"check {'the permissions of the file and its folder, and ' if is_refused else ''}the disk"


def demand_locks(path: Path) -> None:
    """Raise DestinationError if the ledger's file system grants no locks, which looks like another program's lock."""
    if (refusal := _lock_refusal(path)) is not None:
        raise refusal


def _lock_refusal(path: Path) -> DestinationError | None:
    error = lock_refusal(Path(os.path.realpath(path)).parent)
    if error is None:
        return None
    return DestinationError(
        f"The ledger {path} cannot be locked: the file system of its folder refuses locks ({error.strerror or error}). "
        "Keep the state folder on a local disk with `state=DIR`."
    )


def primary_code(error: sqlite3.DatabaseError) -> int | None:
    """SQLite's primary result code; None if Python raised the error, e.g. for text that is not UTF-8."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def damaged(path: Path, why: object) -> DestinationError:
    """The error for a file that is not a complete ledger."""
    journal = journal_of(Path(os.path.realpath(path)))
    # SQLite would apply the old journal to the restored database.
    stray = f"remove {journal} and " if journal.exists() else ""
    return DestinationError(
        f"The ledger {path} is damaged ({why}): {stray}restore it from a backup, or move it away and run "
        "`bds-async ledger rebuild`, which builds one from the files that are there."
    )


def journal_of(path: Path) -> Path:
    """The rollback journal that SQLite keeps beside a database."""
    return path.with_name(f"{path.name}-journal")
