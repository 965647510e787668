"""What the sandbox really holds, for tests to compare with what a client brought home."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from .extracts import SandboxDataSet, SandboxExtract
from .history import FULL
from .tenant import Tenant


@dataclass(frozen=True)
class TrueExtract:
    """One listed extract; `size`, `sha256` and `read` make the archive where it has not been made, and block."""

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
        """Give the zip itself."""
        with self.tenant.open_archive(self.extract) as file:
            return file.read()


@dataclass(frozen=True)
class TrueDataSet:
    """One data set and what is listed of it, oldest first."""

    name: str
    schema_id: str
    full_id: str | None
    differential_id: str | None
    extracts: tuple[TrueExtract, ...]

    @property
    def newest_full(self) -> TrueExtract | None:
        """The full that a one-shot pull should bring, or None where there is none."""
        fulls = [extract for extract in self.extracts if extract.bds_type == FULL]
        return max(fulls, key=lambda extract: (extract.queued, _number(extract.version), extract.created), default=None)

    @property
    def differentials(self) -> tuple[TrueExtract, ...]:
        """The listed differentials, oldest first."""
        return tuple(extract for extract in self.extracts if extract.bds_type != FULL)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def truth(tenant: Tenant) -> list[TrueDataSet]:
    """Give all data sets with everything that is listed of them now."""
    return [_true_data_set(tenant, data_set) for data_set in tenant.catalogue.data_sets]


def _true_data_set(tenant: Tenant, data_set: SandboxDataSet) -> TrueDataSet:
    listed = sorted(tenant.catalogue.extracts(data_set), key=lambda extract: (extract.queued, extract.created))
    return TrueDataSet(
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
