"""Data sets and extracts as bds-async sees them, whichever family of routes they came by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class BdsType(StrEnum):
    """The two flavours of a data set, in D2L's spelling."""

    FULL = "Full"
    DIFFERENTIAL = "Differential"

    @property
    def folder(self) -> str:
        """Name of the flavour's folder below its data set: `full` or `differential`."""
        return self.value.lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one extract from every other: D2L gives it no id, and links change between listings.

    The schema id and the link are no part of it, so that both families of routes name the same extract alike.
    """

    plugin_id: str
    bds_type: BdsType
    queued_for_processing_date: datetime
    created_date: datetime
    version: str


@dataclass(frozen=True, slots=True)
class Plugin:
    """One flavour of a data set: `plugin_id` (GUID) and its localised name."""

    plugin_id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Extract:
    """One generated zip of one plugin at one moment.

    `download_size` is bytes as listed, None if unknown: it orders the work and draws the bar, nothing more.
    """

    data_set: str
    schema_id: str | None
    plugin_id: str
    bds_type: BdsType
    queued_for_processing_date: datetime
    created_date: datetime
    version: str
    download_link: str = field(repr=False)
    download_size: int | None = None

    @property
    def identity(self) -> Identity:
        """The key under which this extract is delivered once."""
        return Identity(
            self.plugin_id.lower(), self.bds_type, self.queued_for_processing_date, self.created_date, self.version
        )

    @property
    def made_at(self) -> datetime:
        """When it was made, by the tenant's dates: not before the moment that it stands for."""
        return max(self.created_date, self.queued_for_processing_date)

    @property
    def age_key(self) -> tuple[datetime, tuple[int, ...], datetime]:
        """Sorts extracts of one plugin from old to new: queued date, version by number, created date."""
        return (self.queued_for_processing_date, version_key(self.version), self.created_date)

    def __str__(self) -> str:
        return f"{self.data_set} ({self.bds_type.folder}, {utc_text(self.queued_for_processing_date)})"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One table of data with its two plugins; the old routes know no `schema_id`.

    `extracts_links` lead to its extracts on the new routes; `extracts` is filled where the listing brought them along.
    """

    schema_id: str | None
    full: Plugin | None
    differential: Plugin | None
    extracts_links: tuple[str, ...] = field(default=(), repr=False)
    extracts: tuple[Extract, ...] = ()

    @property
    def name(self) -> str:
        """The full's name, or the differential's without its suffix."""
        if self.full is not None:
            return self.full.name
        return base_name(self.differential.name) if self.differential is not None else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The data set's own name and those of its plugins."""
        return (self.name, *(plugin.name for plugin in (self.full, self.differential) if plugin is not None))

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id that this data set is known by, lower case: schema, full plugin, differential plugin."""
        plugins = [plugin.plugin_id for plugin in (self.full, self.differential) if plugin is not None]
        return tuple(known.lower() for known in [self.schema_id, *plugins] if known)


def base_name(differential_name: str) -> str:
    """The data set's name out of its differential's: D2L appends ` Differential`."""
    return re.sub(r"\s+Differential\s*$", "", differential_name, flags=re.IGNORECASE)


def version_key(version: str) -> tuple[int, ...]:
    """Orders versions by number, so that 9.10 is above 9.4."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", version))


def newest(extracts: Iterable[Extract]) -> Extract | None:
    """The extract with the latest queued date, then the highest version; None of nothing."""
    return max(extracts, key=lambda extract: extract.age_key, default=None)


def brief_text(moment: datetime) -> str:
    """A moment for people: `2026-11-22T04:09:22Z`, with a fraction only where there is one."""
    return utc_text(moment).replace(".000Z", "Z")


def utc_text(moment: datetime) -> str:
    """A moment as D2L writes it: `2026-11-22T04:09:22.000Z`, with microseconds only where there are any."""
    precision = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
