"""Data sets and their extracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from .history import DIFFERENTIAL, FULL, Generation, History
from .schedule import Schedule
from .settings import SandboxSettings
from .tables import Column, Table, matches, stable_number

HUGE_TABLE = Table(
    "Sandbox Huge", (Column("RowId", "bigint", False), Column("Payload", "nvarchar", False)), ("RowId",), 1
)


@dataclass(frozen=True)
class SandboxExtract:
    """One extract; `tick` says up to which differential its data goes."""

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
        """What makes it this extract and no other."""
        return self.plugin_id, self.bds_type, self.queued, self.created, self.version

    @property
    def link_id(self) -> str:
        """Number of the extract within its plugin, the last part of its download link.

        In milliseconds, since a late extract may be made in the same second as another one.
        """
        return str(int(self.created.timestamp() * 1000))


@dataclass(frozen=True)
class SandboxDataSet:
    """One data set of the tenant; a plugin id is None where the tenant has no such flavour."""

    table: Table
    schema_id: str
    full_id: str | None
    differential_id: str | None
    schedule: Schedule = field(repr=False)
    settings: SandboxSettings = field(repr=False)
    history: History = field(repr=False)
    #: Makings of the moments that were listed last, by type and number.
    _made: dict[tuple[str, int], list[Generation]] = field(default_factory=dict, repr=False, compare=False)

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
            for made in self._generations(bds_type, number):
                if made.created <= now and (made.replaced is None or made.replaced > now):
                    yield self._extract(bds_type, plugin_id, made)

    def _extract(self, bds_type: str, plugin_id: str, made: Generation) -> SandboxExtract:
        moment = made.moment
        return SandboxExtract(
            self, bds_type, plugin_id, moment.queued, made.created, made.version, moment.tick, made.columns
        )

    def _generations(self, bds_type: str, number: int) -> list[Generation]:
        key = (bds_type, number)
        if key not in self._made:
            moment = self.schedule.full(number) if bds_type == FULL else self.schedule.differential(number)
            self._made[key] = self.history.generations(bds_type, moment)
        return self._made[key]

    def _forget_but(self, numbers: dict[str, range]) -> None:
        for bds_type, number in [key for key in self._made if key[1] not in numbers[key[0]]]:
            del self._made[bds_type, number]
