"""A folder as a sync leaves it: zips, and a ledger that records them."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bds_async.ledger import Delivery, Ledger
from bds_async.models import BdsType, DataSet, Extract, Plugin
from bds_async.workspace import Workspace, workspace_of

TENANT = "https://school.example"
START = datetime(2026, 1, 4, 3, tzinfo=UTC)
FULL, DIFFERENTIAL = BdsType.FULL, BdsType.DIFFERENTIAL


def at(hours: float) -> datetime:
    """The moment this many hours after the start."""
    return START + timedelta(hours=hours)


def csv_of(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A CSV as Brightspace writes it."""
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows([header, *rows])
    return sink.getvalue().encode("utf-8-sig")


@dataclass
class Deliveries:
    """Delivers extracts of one data set to a folder."""

    root: Path
    name: str = "Users"
    number: int = 1

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.workspace.prepare()

    @property
    def workspace(self) -> Workspace:
        return workspace_of(self.root)

    @property
    def data_set(self) -> DataSet:
        return DataSet(
            f"schema-{self.number}",
            Plugin(f"full-{self.number}", self.name),
            Plugin(f"diff-{self.number}", f"{self.name} Differential"),
        )

    def extract(self, bds_type: BdsType, hours: float, *, created: float = 0.1, version: str = "9.4") -> Extract:
        plugin = self.data_set.full if bds_type is FULL else self.data_set.differential
        assert plugin is not None
        moments = (at(hours), at(hours + created))
        return Extract(self.name, self.data_set.schema_id, plugin.plugin_id, bds_type, *moments, version, "https://x/")

    def deliver(self, extract: Extract, data: bytes, *, suffix: str = ".zip", tenant: str = TENANT) -> Path:
        """Publish the CSV `data` as an extract; return its file."""
        body = data if suffix == ".csv" else zipped(data, self.name)
        with Ledger.open(self.workspace.ledger, tenant) as ledger:
            folder = ledger.folders.folder_for(self.data_set)
            path = ledger.folders.path_for(extract, folder, suffix)  # type: ignore[arg-type]
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            columns = tuple(next(csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"))), ()))
            digest = hashlib.sha256(body).hexdigest()
            delivery = Delivery.of(extract, folder, path=path, bytes=len(body), sha256=digest, columns=columns)
            ledger.deliveries.record(delivery)
        return file

    def mark(self, extract: Extract) -> None:
        """Mark an extract as delivered without a file."""
        with Ledger.open(self.workspace.ledger, TENANT) as ledger:
            ledger.deliveries.record(Delivery.of(extract, ledger.folders.folder_for(self.data_set)))

    def unmark(self) -> None:
        """Forget all deliveries, as `ledger unmark` does; the data set stays known."""
        with Ledger.open(self.workspace.ledger, TENANT) as ledger:
            for delivery in list(ledger.deliveries.all(ledger.folders.folder_for(self.data_set))):
                ledger.deliveries.forget(delivery.identity)

    def full(self, hours: float, header: Sequence[str], rows: Sequence[Sequence[Any]], **changes: Any) -> Path:
        return self.deliver(self.extract(FULL, hours, **changes), csv_of(header, rows))

    def diff(self, hours: float, header: Sequence[str], rows: Sequence[Sequence[Any]], **changes: Any) -> Path:
        return self.deliver(self.extract(DIFFERENTIAL, hours, **changes), csv_of(header, rows))


def zipped(data: bytes, name: str) -> bytes:
    """A zip with one CSV."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name.replace(' ', '')}.csv", data)
    return sink.getvalue()
