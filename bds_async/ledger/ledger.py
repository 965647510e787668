"""What has been delivered to a folder: one row for each extract, in `DIR/.bds-async/ledger.sqlite3`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import WrongTenant
from ..models import DataSet, Extract, Identity
from ..support import clock
from ..options import Suffix
from ..workspace.file_names import file_names, relative_path
from ..workspace.folder import ledger_path
from .completeness import CompletenessRecords
from .database import empty_database, open_database, read_database
from .folder_pins import copy_pins, gather, pin_folder, pinned_folder
from .format import transaction
from .inventory import Inventory, Selection
from .rows import PAID, WRITE, Delivery, State, row_key, row_of
from .schema import SchemaRecords
from .waiting import Patience, PatientConnection

__all__ = ["Delivery", "Ledger", "State"]


class Ledger(CompletenessRecords, SchemaRecords, Inventory):
    """The record of deliveries to one folder, of one tenant. Close it, or use `with`.

    Any thread may call it; calls wait for each other. Every call may raise DestinationError (the disk, a damaged
    file) or LedgerBusy (another program holds the database for too long).
    """

    def __init__(self, path: Path, connection: PatientConnection, pins: PatientConnection) -> None:
        super().__init__(path, connection)
        self._pins = pins
        self._reserved: dict[str, Identity] = {}

    @classmethod
    def open(cls, folder: Path, tenant: str, patience: Patience | None = None) -> Self:
        """The ledger of `folder` for a run that holds its lock; made where there is none.

        `tenant` is the origin that the folder belongs to from now on, `patience` how long to wait for other programs
        that hold it, by default BUSY_TIMEOUT. Raises WrongTenant if it is another one's,
        ConfigError if a newer program wrote it.
        """
        path = ledger_path(folder)
        connection = open_database(path, patience or Patience())
        ledger = cls(path, connection, connection)
        try:
            ledger._claim(tenant, folder)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def read(cls, folder: Path, tenant: str | None = None, patience: Patience | None = None) -> Self:
        """The ledger of `folder` for a command that only reads; an empty one where there is none.

        Nothing is created or changed: folders that are pinned, and names that are given out, last as long as it is
        open. Raises WrongTenant if it is not `tenant`'s.
        """
        path = ledger_path(folder)
        connection = read_database(path, patience or Patience())
        ledger = cls(path, connection, empty_database())
        try:
            ledger._check_tenant(tenant, folder)
            with ledger._statements():
                copy_pins(connection, ledger._pins)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()
            self._pins.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # The tenant

    @property
    def tenant(self) -> str | None:
        """The origin that the folder belongs to, None before the first run."""
        rows = self._rows("SELECT origin FROM tenant")
        return str(rows[0][0]) if rows else None

    @property
    def _owner(self) -> str | None:
        """The tenant, None as long as nothing of it was seen: a mistyped address owns no folder."""
        ((is_used,),) = self._rows("SELECT EXISTS (SELECT 1 FROM folders)")
        return self.tenant if is_used else None

    def _claim(self, tenant: str, folder: Path) -> None:
        with self._writing():
            self._check_tenant(tenant, folder)
            if self.tenant != _origin(tenant):
                self._connection.execute("DELETE FROM tenant")
                self._connection.execute("INSERT INTO tenant (origin) VALUES (?)", (_origin(tenant),))

    def _check_tenant(self, tenant: str | None, folder: Path) -> None:
        known = self._owner
        if tenant is not None and known is not None and known != _origin(tenant):
            raise WrongTenant(f"{folder} holds extracts of {known}, not of {_origin(tenant)}: choose another --to.")

    # Names

    def folder_for(self, data_set: DataSet) -> str:
        """The folder of a data set, pinned to its ids at first sight."""
        return self.folders_for([data_set])[0]

    def folders_for(self, data_sets: Iterable[DataSet]) -> list[str]:
        """The folders of data sets, in their order; new ones are pinned in one transaction."""
        wanted = list(data_sets)
        with self._statements():
            known = [pinned_folder(self._pins, data_set) for data_set in wanted]
            if None not in known:
                return [folder for folder in known if folder is not None]
            with transaction(self._pins):
                return [pin_folder(self._pins, data_set) for data_set in wanted]

    def gather(self, data_sets: Iterable[DataSet]) -> None:
        """Bring what is known of each data set's plugins to its folder, if they were taken for another data set's."""
        wanted = list(data_sets)
        folders = self.folders_for(wanted)
        with self._writing():
            for folder, data_set in zip(folders, wanted, strict=True):
                gather(self._connection, folder, data_set)

    def path_for(self, extract: Extract, folder: str, suffix: Suffix) -> str:
        """Where an extract lands, relative to the destination: the first of its names that no other extract has.

        The name is kept for it as long as the ledger is open.
        """
        identity = extract.identity
        with self._statements():
            known = self._find(identity)
            if known is not None and known.path is not None and known.path.endswith(suffix):
                return known.path
            names = file_names(folder, identity, suffix)
            paths = [relative_path(folder, extract.bds_type, name) for name in names]
            path = next((path for path in paths if self._is_free(path, identity)), paths[-1])
            self._reserved[path.lower()] = identity
            return path

    def _is_free(self, path: str, identity: Identity) -> bool:
        holder = self.at_path(path)
        known = self._reserved.get(path.lower()) or (holder and holder.identity)
        return known is None or known == identity

    # Writing

    def intend(self, delivery: Delivery) -> None:
        """Note that a staged file is about to get its final name; replaces what was known of the extract."""
        self._put(replace(delivery, state=State.INTENT))

    def record(self, delivery: Delivery) -> None:
        """Note a delivery that needs no publishing; replaces what was known of the extract."""
        done = replace(delivery, state=State.DONE, staged=None)
        self._put(replace(done, delivered_at=delivery.delivered_at or clock.now()))

    def finish(self, identity: Identity, at: datetime | None = None) -> Delivery:
        """Note that an intended extract has its final name, by now or `at` a moment; raises KeyError without intent."""
        with self._writing():
            found = self._find(identity)
            if found is None:
                raise KeyError(identity)
            done = replace(found, state=State.DONE, staged=None, delivered_at=at or clock.now())
            self._write(done)
            return done

    def forget(self, identity: Identity) -> bool:
        """Drop what is known of an extract; False if that was nothing. Its data set's folder stays pinned."""
        with self._writing():
            plugin = "(SELECT id FROM plugins WHERE plugin_id = ? AND bds_type = ?)"
            query = f"DELETE FROM extracts WHERE plugin = {plugin} AND queued = ? AND created = ? AND version = ?"  # noqa: S608
            values = (identity.plugin_id, identity.bds_type, *row_key(identity))
            return self._connection.execute(query, values).rowcount > 0

    def begin_anew(self, folder: str, deliveries: Iterable[Delivery] = ()) -> int:
        """Let a data set be known by these deliveries alone, and a sync begin it anew; how many were known before."""
        with self._writing():
            dropped = self.drop(folder, Selection())
            self.reset_sync(folder)
            for delivery in deliveries:
                self.record(delivery)
            return dropped

    def _put(self, delivery: Delivery) -> None:
        with self._writing():
            self._write(delivery)

    def _write(self, delivery: Delivery) -> None:
        row = row_of(delivery)
        for statement in (*WRITE, PAID) if delivery.state is State.DONE else WRITE:
            self._connection.execute(statement, row)


def _origin(tenant: str) -> str:
    return tenant.rstrip("/").lower()
