"""The ledger of one destination, composed of its parts; stored in the state folder's `ledger.sqlite3`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import WrongTenant
from ..support.patience import Patience
from .absences import Absences
from .columns import RecordedColumns
from .completeness import Completeness
from .database import Database
from .deliveries import Deliveries
from .delivery import Delivery
from .folders import Folders, copy_pins
from .future import Future
from .gaps import Gaps
from .selection import Selection
from .sqlite_file import empty_database, open_database, read_database
from .syncs import Syncs


class Ledger:
    """The record of deliveries of one tenant to one destination. Close it, or use `with`.

    Any thread may call it and its parts; calls wait for each other. Every call may raise DestinationError (the disk, a
    damaged file, a file system without locks) or LedgerBusy (another program holds the database for too long).
    """

    def __init__(self, database: Database, pins: Database) -> None:
        self._database = database
        self._pins = pins
        self.deliveries = Deliveries(database)
        self.folders = Folders(database, pins, self.deliveries)
        self.columns = RecordedColumns(database)
        self.gaps = Gaps(database)
        self.absences = Absences(database)
        self.future = Future(database)
        self.syncs = Syncs(database, self.gaps, self.future)
        self._completeness = Completeness(database, self.gaps, self.syncs)

    @classmethod
    def open(cls, path: Path, tenant: str, patience: Patience | None = None, *, place: object = None) -> Self:
        """Open the database `path` for a run that holds the lock; a missing database is created.

        `tenant` is the origin that the destination belongs to from now on. `patience` is how long to wait for other
        programs that hold the database, by default 30 seconds. Messages call the destination `place`, by default
        `path`. Raises WrongTenant if the ledger belongs to another tenant, ConfigError if a newer program wrote it.
        """
        database = Database(path, open_database(path, patience or Patience()))
        ledger = cls(database, database)
        try:
            ledger._claim(tenant, place or path)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def read(
        cls, path: Path, tenant: str | None = None, patience: Patience | None = None, *, place: object = None
    ) -> Self:
        """Open the database `path` for a command that only reads; an empty ledger if there is no database.

        Nothing is created or changed: pinned folders and reserved names last as long as the ledger is open. Raises
        WrongTenant if it belongs to another tenant than `tenant`.
        """
        database = Database(path, read_database(path, patience or Patience()))
        ledger = cls(database, Database(path, empty_database()))
        try:
            ledger._check_tenant(tenant, place or path)
            copy_pins(database, ledger._pins)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close the database."""
        self._database.close()
        self._pins.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def tenant(self) -> str | None:
        """The origin that the destination belongs to, None before the first run."""
        row = self._database.row("SELECT origin FROM tenant")
        return None if row is None else str(row["origin"])

    def complete_through(self, folder: str) -> datetime | None:
        """The queued date up to which everything of a data set is delivered, None if there is no such date."""
        return self._completeness.through(folder)

    def restart(self, folder: str, deliveries: Iterable[Delivery] = ()) -> int:
        """Replace the deliveries of a data set, and let the next sync begin it again; returns their former number."""
        with self._database.writing():
            dropped = self.deliveries.drop(folder, Selection())
            self.syncs.reset(folder)
            for delivery in deliveries:
                self.deliveries.record(delivery)
            return dropped

    def _claim(self, tenant: str, place: object) -> None:
        with self._database.writing():
            self._check_tenant(tenant, place)
            if self.tenant != _origin(tenant):
                self._database.execute("DELETE FROM tenant")
                self._database.execute("INSERT INTO tenant (origin) VALUES (?)", _origin(tenant))

    def _check_tenant(self, tenant: str | None, place: object) -> None:
        known = self._owner
        if tenant is not None and known is not None and known != _origin(tenant):
            raise WrongTenant(f"{place} holds extracts of {known}, not of {_origin(tenant)}: choose another `to`.")

    @property
    def _owner(self) -> str | None:
        """The tenant; None until one of its data sets was seen, so that a mistyped address owns no folder."""
        return None if self._database.row("SELECT 1 FROM folders") is None else self.tenant


def _origin(tenant: str) -> str:
    return tenant.rstrip("/").lower()
