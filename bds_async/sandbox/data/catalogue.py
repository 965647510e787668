"""The data sets of the tenant, and the extracts listed at its clock's time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from ..clock import Clock
from ..settings import SandboxSettings
from .extracts import HUGE_TABLE, SandboxDataSet, SandboxExtract
from .history import History
from .population import Population
from .schedule import Schedule
from .tables import Table, matches, tables

NAMESPACE = UUID("b5dda7a5-e7da-5a5e-8a6d-5a2db0c0ffee")


class Catalogue:
    """All data sets of the tenant, at the time of its clock."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self._clock = clock
        self._listed: dict[str, tuple[datetime, list[SandboxExtract]]] = {}
        huge = [HUGE_TABLE] if settings.huge_bytes else []
        self.data_sets = [data_set_of(table, settings) for table in [*tables(settings.data_sets), *huge]]
        self._by_schema = {data_set.schema_id: data_set for data_set in self.data_sets}
        self._by_plugin = {
            plugin: data_set
            for data_set in self.data_sets
            for plugin in (data_set.full_id, data_set.differential_id)
            if plugin
        }

    def by_schema(self, schema_id: str) -> SandboxDataSet | None:
        """Find a data set by its schema id, in any letter case."""
        return self._by_schema.get(schema_id.lower())

    def by_plugin(self, plugin_id: str) -> SandboxDataSet | None:
        """Find the data set that has a plugin id, in any letter case."""
        return self._by_plugin.get(plugin_id.lower())

    def extracts(self, data_set: SandboxDataSet) -> list[SandboxExtract]:
        """Return the extracts of a data set that are listed now."""
        now = self._clock.moment()
        listed = self._listed.get(data_set.schema_id)
        if listed is None or listed[0] != now:
            listed = self._listed[data_set.schema_id] = (now, data_set.extracts(now))
        return listed[1]

    def of_plugin(self, data_set: SandboxDataSet, plugin_id: str) -> list[SandboxExtract]:
        """Return the extracts of one plugin that are listed now, newest first."""
        found = [extract for extract in self.extracts(data_set) if extract.plugin_id == plugin_id]
        return sorted(found, key=lambda extract: (extract.queued, extract.created), reverse=True)

    def find(self, plugin_id: str, link_id: str) -> SandboxExtract | None:
        """Find a listed extract by the two ids of its download link."""
        data_set = self.by_plugin(plugin_id)
        listed = self.of_plugin(data_set, plugin_id.lower()) if data_set else []
        return next((extract for extract in listed if extract.link_id == link_id), None)


def data_set_of(table: Table, settings: SandboxSettings) -> SandboxDataSet:
    """Return the data set of a table, with the events that concern it.

    Its ids are D2L's if these are known, since they are the same at every tenant.
    """

    def id_of(part: str, known: str | None) -> str:
        """The published id of a part, else one derived from the seed."""
        return known or str(uuid5(NAMESPACE, f"{settings.seed}/{table.name}/{part}"))

    facts = table.facts
    schedule = Schedule(table, settings)
    no_full = matches(table.name, settings.without_full)
    no_differential = matches(table.name, (*settings.without_differential, HUGE_TABLE.name))
    deletes = [event for event in settings.hard_deletes if matches(table.name, (event.data_set,))]
    return SandboxDataSet(
        table,
        id_of("schema", facts.schema_id),
        None if no_full else id_of("full", facts.full_plugin_id),
        None if no_differential else id_of("differential", facts.differential_plugin_id),
        schedule,
        settings,
        History(table, schedule, settings),
        Population(table.name, schedule, deletes, settings.seed),
    )
