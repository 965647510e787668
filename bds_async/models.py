"""Data sets and extracts, independent of the family of routes that listed them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property


class BdsType(StrEnum):
    """The two types of extracts of a data set, in D2L's spelling."""

    FULL = "Full"
    DIFFERENTIAL = "Differential"

    @property
    def folder(self) -> str:
        """The folder name of the type, below the data set's: `full` or `differential`."""
        return self.value.lower()


@dataclass(frozen=True, eq=False)
class Identity:
    """The values that identify an extract: D2L gives it no id, and links change between listings.

    Dates are kept as listed and compared by whole seconds, since the two families of routes print different fractions.
    The schema id and the link are not part of it. Both families give an extract the same identity.
    """

    plugin_id: str
    bds_type: BdsType
    queued_for_processing_date: datetime
    created_date: datetime
    version: str

    @property
    def second(self) -> datetime:
        """The queued date to the whole second."""
        return whole_second(self.queued_for_processing_date)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Identity) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    @cached_property
    def _key(self) -> tuple[str, BdsType, datetime, datetime, str]:
        return self.plugin_id, self.bds_type, self.second, whole_second(self.created_date), self.version


@dataclass(frozen=True, slots=True)
class Plugin:
    """The full or the differential of a data set: its `plugin_id` (GUID) and localised name."""

    plugin_id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Extract:
    """One generated zip of one plugin at one moment.

    `download_size` is in bytes, as listed, None if unknown; it only orders the work and scales the progress.
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

    @cached_property
    def identity(self) -> Identity:
        """The key by which this extract is delivered only once."""
        return Identity(
            self.plugin_id.lower(), self.bds_type, self.queued_for_processing_date, self.created_date, self.version
        )

    @property
    def made_at(self) -> datetime:
        """When it was generated, by the tenant's dates: its created date, but not before its queued date."""
        return max(self.created_date, self.queued_for_processing_date)

    def was_made_by(self, moment: datetime) -> bool:
        """Whether it was generated at or before a moment, to the whole second."""
        return whole_second(self.made_at) <= whole_second(moment)

    @property
    def age_key(self) -> tuple[datetime, tuple[int, ...], datetime]:
        """A key that sorts extracts of one plugin from old to new: queued date, version by number, created date."""
        return (self.queued_for_processing_date, version_key(self.version), self.created_date)

    def __str__(self) -> str:
        return f"{self.data_set} ({self.bds_type.folder}, {utc_text(self.queued_for_processing_date)})"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One table of data with its two plugins. `schema_id` is None on the old routes.

    `extracts_links` are the addresses of its extract lists on the new routes. On the old routes, `extracts` are those
    that the catalogue itself lists, and `extract_faults` the faults of unreadable ones. `fault` says why the data set
    itself can't be listed: its entry is malformed, or shares an id with another one.
    """

    schema_id: str | None
    full: Plugin | None
    differential: Plugin | None
    extracts_links: tuple[str, ...] = field(default=(), repr=False)
    extracts: tuple[Extract, ...] = ()
    extract_faults: tuple[str, ...] = ()
    fault: str = ""

    @property
    def name(self) -> str:
        """The name of the full, or of the differential without its suffix."""
        if self.full is not None:
            return self.full.name
        return base_name(self.differential.name) if self.differential is not None else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the data set and the names of its plugins."""
        return (self.name, *(plugin.name for plugin in (self.full, self.differential) if plugin is not None))

    @property
    def ids(self) -> tuple[str, ...]:
        """The known ids of this data set in lower case: schema, full plugin, differential plugin."""
        plugins = [plugin.plugin_id for plugin in (self.full, self.differential) if plugin is not None]
        return tuple(known.lower() for known in [self.schema_id, *plugins] if known)


def base_name(differential_name: str) -> str:
    """Return the data set's name from the name of its differential: D2L appends ` Differential`."""
    return re.sub(r"\s+Differential\s*$", "", differential_name, flags=re.IGNORECASE)


def version_key(version: str) -> tuple[int, ...]:
    """Return a key that sorts versions by number: 9.10 is above 9.4."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", version))


def newest(extracts: Iterable[Extract]) -> Extract | None:
    """Return the extract with the latest queued date, then the highest version; None if there is none."""
    return max(extracts, key=lambda extract: extract.age_key, default=None)


def whole_second(moment: datetime) -> datetime:
    """Round a moment down to the whole second, by which listed dates are compared."""
    return moment.replace(microsecond=0)


def brief_text(moment: datetime) -> str:
    """Return a moment for people: `2026-11-22T04:09:22Z`, with a fraction only if it is not zero."""
    return utc_text(moment).replace(".000Z", "Z")


def utc_text(moment: datetime) -> str:
    """Return a moment as D2L writes it: `2026-11-22T04:09:22.000Z`, with microseconds only if it has any."""
    precision = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
