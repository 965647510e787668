"""The true contents of the sandbox, for tests to compare with a client's deliveries."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from .data.archives import csv_blocks
from .data.contents import rows_at
from .data.extracts import SandboxDataSet, SandboxExtract
from .data.history import FULL
from .tenant import Tenant

#: One row: for each column name, the delivered text.
Row = dict[str, str]


@dataclass(frozen=True)
class TrueExtract:
    """One listed extract; `size`, `sha256` and `read` generate the archive if needed, and block."""

    extract: SandboxExtract = field(repr=False)
    tenant: Tenant = field(repr=False)
    data_set: str
    schema_id: str
    plugin_id: str
    bds_type: str
    queued: datetime
    created: datetime
    version: str
    columns: tuple[str, ...]

    @cached_property
    def size(self) -> int:
        """Length of the zip in bytes."""
        with self.tenant.open_archive(self.extract) as file:
            return os.fstat(file.fileno()).st_size

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the zip in hex."""
        return self.tenant.sha256(self.extract)

    def read(self) -> bytes:
        """Return the bytes of the zip."""
        with self.tenant.open_archive(self.extract) as file:
            return file.read()

    def rows(self) -> list[Row]:
        """Return the rows of the extract in file order, without generating its archive."""
        return _rows(csv_blocks(self.extract))


@dataclass(frozen=True)
class TrueDataSet:
    """One data set and its listed extracts, oldest first."""

    data_set: SandboxDataSet = field(repr=False)
    name: str
    schema_id: str
    full_id: str | None
    differential_id: str | None
    extracts: tuple[TrueExtract, ...]

    @property
    def newest_full(self) -> TrueExtract | None:
        """The full that a one-shot pull should deliver, or None if there is none."""
        fulls = [extract for extract in self.extracts if extract.bds_type == FULL]
        return max(fulls, key=lambda extract: (extract.queued, _number(extract.version), extract.created), default=None)

    @property
    def differentials(self) -> tuple[TrueExtract, ...]:
        """The listed differentials, oldest first."""
        return tuple(extract for extract in self.extracts if extract.bds_type != FULL)

    def key_at(self, moment: datetime) -> tuple[str, ...]:
        """Return the columns of the key at a moment; empty if the data set has none."""
        return self.data_set.history.key_at(moment)

    def rows_at(self, moment: datetime) -> list[Row]:
        """Return all rows that exist at a moment, past or future, including those outside a full's window.

        Rows change at the moments of differentials, and are deleted at those of hard deletes. The columns are those of
        the newest version at that moment.
        """
        return _rows(rows_at(self.data_set, moment))


def truth(tenant: Tenant) -> list[TrueDataSet]:
    """Return all data sets with the extracts listed now."""
    return [_true_data_set(tenant, data_set) for data_set in tenant.catalogue.data_sets]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _rows(blocks: Iterable[bytes]) -> list[Row]:
    return list(csv.DictReader(io.StringIO(b"".join(blocks).decode("utf-8-sig"), newline="")))


def _true_data_set(tenant: Tenant, data_set: SandboxDataSet) -> TrueDataSet:
    listed = sorted(tenant.catalogue.extracts(data_set), key=lambda extract: (extract.queued, extract.created))
    return TrueDataSet(
        data_set,
        data_set.name,
        data_set.schema_id,
        data_set.full_id,
        data_set.differential_id,
        tuple(_true_extract(tenant, extract) for extract in listed),
    )


def _true_extract(tenant: Tenant, extract: SandboxExtract) -> TrueExtract:
    return TrueExtract(
        extract,
        tenant,
        extract.data_set.name,
        extract.data_set.schema_id,
        extract.plugin_id,
        extract.bds_type,
        extract.queued,
        extract.created,
        extract.version,
        tuple(column.name for column in extract.columns),
    )
