"""`ledger export`, `ledger show --json` and `schema --json`: what the ledger knows."""

from __future__ import annotations

from dataclasses import dataclass

from ....columns import SchemaChange, SchemaEntry
from ....ledger import Delivery
from ....report import ExtractEntry, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredExtract(ExtractEntry):
    """A line of `ledger export`, and of `ledger mark --json` and `ledger unmark --json`: a delivered extract.

    `path` is relative to the folder, null for an extract that was marked without a file.
    """

    path: str | None
    bytes: int | None
    sha256: str | None
    columns: tuple[str, ...] | None
    delivered_at: Moment | None

    @classmethod
    def about(cls, delivery: Delivery) -> DeliveredExtract:
        """Create the entry of a delivery."""
        return cls.of(
            delivery.identity,
            delivery.data_set,
            delivery.schema_id,
            path=delivery.path,
            bytes=delivery.bytes,
            sha256=delivery.sha256,
            columns=delivery.columns,
            delivered_at=delivery.delivered_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredDataSet:
    """A line of `ledger show --json`: what was delivered of a data set, and how complete it is.

    `owed` counts the extracts that a later run has to deliver.
    """

    data_set: str
    schema_id: str | None
    folder: str
    delivered: int
    bytes: int
    newest: Moment | None
    complete_through: Moment | None
    owed: int
    open_gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsEntry:
    """The columns of a data set from one extract on; `change` compares them with those before, null for the first."""

    since: Moment
    version: str
    columns: tuple[str, ...]
    change: SchemaChange | None

    @classmethod
    def about(cls, entry: SchemaEntry) -> ColumnsEntry:
        """Create the entry of a change of columns."""
        return cls(since=entry.since, version=entry.version, columns=entry.columns, change=entry.change)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSetColumns:
    """A line of `schema --json`: the current columns of a data set, and their history.

    `pinned` are the columns that `--pin-columns` writes, null if none are pinned.
    """

    data_set: str
    schema_id: str | None
    folder: str
    version: str
    columns: tuple[str, ...]
    pinned: tuple[str, ...] | None
    history: tuple[ColumnsEntry, ...]
