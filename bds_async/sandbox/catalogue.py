"""What the tenant holds: data sets and the extracts that are listed at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from random import Random
from uuid import UUID, uuid5

from bds_async.sandbox.clock import Clock
from bds_async.sandbox.schedule import Schedule
from bds_async.sandbox.settings import SandboxSettings
from bds_async.sandbox.tables import Column, Table, stable_number, tables

NAMESPACE = UUID("b5dda7a5-e7da-5a5e-8a6d-5a2db0c0ffee")
FULL, DIFFERENTIAL = "Full", "Differential"
HUGE_TABLE = Table(
    "Sandbox Huge", (Column("RowId", "bigint", False), Column("Payload", "nvarchar", False)), ("RowId",), 1
)


@dataclass(frozen=True)
class SandboxExtract:
    """One listed extract; `link_id` is the last part of its download link."""

    data_set: SandboxDataSet = field(repr=False)
    bds_type: str
    plugin_id: str
    queued: datetime
    created: datetime
    version: str
    tick: int

    @property
    def identity(self) -> tuple[str, str, datetime, datetime, str]:
        """What makes it this extract and no other."""
        return self.plugin_id, self.bds_type, self.queued, self.created, self.version

    @property
    def link_id(self) -> str:
        """Number of the extract within its plugin."""
        return str(int(self.created.timestamp()))

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns in file order."""
        return self.data_set.table.columns


@dataclass(frozen=True)
class SandboxDataSet:
    """One data set of the tenant; a plugin id is None where the tenant has no such flavour."""

    table: Table
    schema_id: str
    full_id: str | None
    differential_id: str | None
    schedule: Schedule = field(repr=False)
    settings: SandboxSettings = field(repr=False)

    @property
    def name(self) -> str:
        """The full's name."""
        return self.table.name

    @property
    def differential_name(self) -> str:
        """The differential's name."""
        return f"{self.name} Differential"

    def extracts(self, now: datetime) -> list[SandboxExtract]:
        """Give what is listed at a moment, in no telling order: the same one in every run, all the same."""
        found = [*self._of(FULL, now), *self._of(DIFFERENTIAL, now)]
        Random(stable_number("order", self.settings.seed, self.name)).shuffle(found)
        return found

    def _of(self, bds_type: str, now: datetime) -> Iterator[SandboxExtract]:
        full = bds_type == FULL
        plugin_id, name = (self.full_id, self.name) if full else (self.differential_id, self.differential_name)
        if plugin_id is None or matches(name, self.settings.never_generated):
            return
        for moment in self.schedule.fulls(now) if full else self.schedule.differentials(now):
            yield SandboxExtract(
                self, bds_type, plugin_id, moment.queued, moment.created, self.settings.version, moment.tick
            )


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a name fits one of the patterns (`*` and `?`), in any case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


class Catalogue:
    """All data sets of the tenant, as its clock stands."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self._clock = clock
        self._listed: dict[str, tuple[datetime, list[SandboxExtract]]] = {}
        huge = [HUGE_TABLE] if settings.huge_bytes else []
        self.data_sets = [_data_set(table, settings) for table in [*tables(settings.data_sets), *huge]]
        self._by_schema = {data_set.schema_id: data_set for data_set in self.data_sets}
        self._by_plugin = {
            plugin: data_set
            for data_set in self.data_sets
            for plugin in (data_set.full_id, data_set.differential_id)
            if plugin
        }

    def by_schema(self, schema_id: str) -> SandboxDataSet | None:
        """Find a data set by its schema id, in any case."""
        return self._by_schema.get(schema_id.lower())

    def by_plugin(self, plugin_id: str) -> SandboxDataSet | None:
        """Find the data set to which a plugin id belongs, in any case."""
        return self._by_plugin.get(plugin_id.lower())

    def extracts(self, data_set: SandboxDataSet) -> list[SandboxExtract]:
        """Give what is listed of a data set now."""
        now = self._clock.moment()
        listed = self._listed.get(data_set.schema_id)
        if listed is None or listed[0] != now:
            listed = self._listed[data_set.schema_id] = (now, data_set.extracts(now))
        return listed[1]

    def of_plugin(self, data_set: SandboxDataSet, plugin_id: str) -> list[SandboxExtract]:
        """Give what is listed of one plugin now, newest first."""
        found = [extract for extract in self.extracts(data_set) if extract.plugin_id == plugin_id]
        return sorted(found, key=lambda extract: (extract.queued, extract.created), reverse=True)

    def find(self, plugin_id: str, link_id: str) -> SandboxExtract | None:
        """Find a listed extract by the two ids of its download link."""
        data_set = self.by_plugin(plugin_id)
        listed = self.of_plugin(data_set, plugin_id.lower()) if data_set else []
        return next((extract for extract in listed if extract.link_id == link_id), None)


def _data_set(table: Table, settings: SandboxSettings) -> SandboxDataSet:
    def identity(part: str) -> str:
        return str(uuid5(NAMESPACE, f"{settings.seed}/{table.name}/{part}"))

    no_full = matches(table.name, settings.without_full)
    no_differential = matches(table.name, (*settings.without_differential, HUGE_TABLE.name))
    return SandboxDataSet(
        table,
        identity("schema"),
        None if no_full else identity("full"),
        None if no_differential else identity("differential"),
        Schedule(table, settings),
        settings,
    )
