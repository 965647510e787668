"""Data sets and their extracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from ...registry import Column, ColumnType, KnownDataSet
from ..settings import SandboxSettings
from .history import DIFFERENTIAL, FULL, Generation, History
from .population import Population
from .rows import RowFactory
from .schedule import Schedule
from .tables import Table, matches, stable_number

_HUGE_COLUMNS = (
    Column("RowId", ColumnType.BIGINT, nullable=False),
    Column("Payload", ColumnType.NVARCHAR, nullable=False),
)
#: A data set with one extract, whose size is a setting.
HUGE_TABLE = Table(KnownDataSet("Sandbox Huge", ("RowId",), _HUGE_COLUMNS), 1)


@dataclass(frozen=True)
class SandboxExtract:
    """One extract; `tick` is the last differential whose changes it contains."""

    data_set: SandboxDataSet = field(repr=False)
    bds_type: str
    plugin_id: str
    queued: datetime
    created: datetime
    version: str
    tick: int
    #: Columns in file order.
    columns: tuple[Column, ...] = field(repr=False)

    @property
    def identity(self) -> tuple[str, str, datetime, datetime, str]:
        """The values that identify the extract."""
        return self.plugin_id, self.bds_type, self.queued, self.created, self.version

    @property
    def link_id(self) -> str:
        """Number of the extract within its plugin, the last part of its download link.

        It is the created date in milliseconds, since a late extract may be created in the same second as another one.
        """
        return str(int(self.created.timestamp() * 1000))


@dataclass(frozen=True)
class SandboxDataSet:
    """One data set of the tenant; a plugin id is None if the tenant has no such plugin."""

    table: Table
    schema_id: str
    full_id: str | None
    differential_id: str | None
    schedule: Schedule = field(repr=False)
    settings: SandboxSettings = field(repr=False)
    history: History = field(repr=False)
    population: Population = field(repr=False)
    _factories: dict[tuple[Column, ...], RowFactory] = field(default_factory=dict, repr=False, compare=False)
    #: Generations of the most recently listed moments, by type and number.
    _generated: dict[tuple[str, int], list[Generation]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The full's name."""
        return self.table.name

    def row_factory(self, columns: tuple[Column, ...]) -> RowFactory:
        """Return the row factory of extracts with these columns."""
        if columns not in self._factories:
            moment_of = self.schedule.differential_moment
            self._factories[columns] = RowFactory(self.table, columns, self.history.keys, moment_of)
        return self._factories[columns]

    @property
    def differential_name(self) -> str:
        """The differential's name."""
        return f"{self.name} Differential"

    def extracts(self, now: datetime) -> list[SandboxExtract]:
        """Return the extracts listed at a moment, in an arbitrary order that is the same in every run."""
        numbers = {FULL: self.schedule.fulls(now), DIFFERENTIAL: self.schedule.differentials(now)}
        self._forget_but(numbers)
        found = [extract for bds_type, some in numbers.items() for extract in self._of(bds_type, some, now)]
        Random(stable_number("order", self.settings.seed, self.name)).shuffle(found)
        return found

    def _of(self, bds_type: str, numbers: range, now: datetime) -> Iterator[SandboxExtract]:
        full = bds_type == FULL
        plugin_id, name = (self.full_id, self.name) if full else (self.differential_id, self.differential_name)
        if plugin_id is None or matches(name, self.settings.never_generated):
            return
        for number in numbers:
            for generation in self._generations(bds_type, number):
                if generation.created <= now and (generation.replaced is None or generation.replaced > now):
                    yield self._extract(bds_type, plugin_id, generation)

    def _extract(self, bds_type: str, plugin_id: str, generation: Generation) -> SandboxExtract:
        moment = generation.moment
        return SandboxExtract(
            self,
            bds_type,
            plugin_id,
            moment.queued,
            generation.created,
            generation.version,
            moment.tick,
            generation.columns,
        )

    def _generations(self, bds_type: str, number: int) -> list[Generation]:
        key = (bds_type, number)
        if key not in self._generated:
            moment = self.schedule.full(number) if bds_type == FULL else self.schedule.differential(number)
            self._generated[key] = self.history.generations(bds_type, moment)
        return self._generated[key]

    def _forget_but(self, numbers: dict[str, range]) -> None:
        for bds_type, number in [key for key in self._generated if key[1] not in numbers[key[0]]]:
            del self._generated[bds_type, number]
