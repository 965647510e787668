"""The history of one data set: its version and columns over time, and which extracts are late or reissued."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from ...registry import Column
from ..settings import SandboxSettings
from .events import LateExtract, Reissue, SchemaChange
from .keys import ADDED_FORMATS, INTEGERS, SPREAD, KeyPlan
from .schedule import Moment, Schedule
from .tables import MOST_USED, Table, matches

Event = TypeVar("Event", LateExtract, Reissue)
#: Share of the nominal number of users, since there were fewer in the past.
USERS_REFERRED_TO = 0.9
FULL, DIFFERENTIAL = "Full", "Differential"


@dataclass(frozen=True)
class Generation:
    """One generation of one extract; it is listed from `created` until `replaced` (None: until retention ends)."""

    moment: Moment
    created: datetime
    replaced: datetime | None
    version: str
    columns: tuple[Column, ...]


class History:
    """The events of the settings that concern one data set; ValueError if a schema change breaks its key."""

    def __init__(self, table: Table, schedule: Schedule, settings: SandboxSettings) -> None:
        self._table, self._schedule, self._version = table, schedule, settings.version
        changes = [change for change in settings.schema_changes if matches(table.name, (change.data_set,))]
        self._changes = sorted(changes, key=lambda change: change.at)
        self._late = [event for event in settings.late_extracts if matches(table.name, (event.data_set,))]
        self._reissues = [event for event in settings.reissues if matches(table.name, (event.data_set,))]
        for number in range(len(self._changes)):
            self._columns(self._changes[: number + 1])
        #: How the key columns get their values.
        self.keys = self._key_plan(settings)

    def generations(self, bds_type: str, moment: Moment) -> list[Generation]:
        """Return every generation of the extract of one moment, including future ones."""
        for late in self._concerning(self._late, bds_type, moment):
            moment = replace(moment, created=moment.created + late.by)
        generations = [self._first(moment, self._changes_until(moment.queued))]
        if (beside := self._version_beside(moment.queued)) is not None:
            # Created a little earlier, so that no two extracts of a plugin have the same created date.
            earlier = moment.created - timedelta(seconds=5)
            generations.insert(0, replace(self._first(moment, beside), created=earlier))
        for event in self._concerning(self._reissues, bds_type, moment):
            generations += self._reissued(generations, event)
        return generations

    def columns_at(self, moment: datetime) -> tuple[Column, ...]:
        """Return the columns of the newest version at a moment, in file order."""
        return self._columns(self._changes_until(moment))

    def key_at(self, moment: datetime) -> tuple[str, ...]:
        """Return the key at a moment; empty if there is none."""
        keys = [change.key for change in self._changes_until(moment) if change.key]
        return keys[-1] if keys else self._table.key

    def _first(self, moment: Moment, changes: list[SchemaChange]) -> Generation:
        version = changes[-1].version if changes else self._version
        return Generation(moment, moment.created, None, version, self._columns(changes))

    @staticmethod
    def _reissued(generations: list[Generation], event: Reissue) -> list[Generation]:
        reissued = [replace(generation, created=generation.created + event.after) for generation in generations]
        if event.replaces:
            pairs = zip(generations, reissued, strict=True)
            generations[:] = [replace(old, replaced=new.created) for old, new in pairs]
        return reissued

    def _concerning(self, events: Iterable[Event], bds_type: str, moment: Moment) -> list[Event]:
        number_at = self._schedule.week_at if bds_type == FULL else self._schedule.tick_at
        return [event for event in events if event.bds_type == bds_type and number_at(event.at) == moment.number]

    def _changes_until(self, queued: datetime) -> list[SchemaChange]:
        return [change for change in self._changes if change.at <= queued]

    def _version_beside(self, queued: datetime) -> list[SchemaChange] | None:
        changes = self._changes_until(queued)
        return changes[:-1] if changes and queued < changes[-1].at + changes[-1].beside else None

    def _columns(self, changes: list[SchemaChange]) -> tuple[Column, ...]:
        columns = list(self._table.columns)
        for change in changes:
            columns = changed(columns, change)
        keys = {*self._table.key, *(name for change in changes for name in change.key)}
        lost = keys - {column.name for column in columns}
        if lost:
            raise ValueError(f"a schema change of {self._table.name} loses the key column {min(lost)}")
        return tuple(columns)

    def _key_plan(self, settings: SandboxSettings) -> KeyPlan:
        table, widening = self._table, [change for change in self._changes if change.key]
        named = {name for change in widening for name in change.key}
        known = {column.name: column for column in self._columns(self._changes)}
        identity = [column for column in table.columns if column.name in table.key]
        return KeyPlan(
            settings.seed,
            table.name,
            tuple(identity or [column for column in table.columns if column.type in INTEGERS][:1]),
            bool(identity),
            tuple(self._added(column) for column in known.values() if column.name in named - set(table.key)),
            self._schedule.rows_at(self._schedule.tick_at(widening[0].at)) if widening else None,
            settings.close_keys,
            max(SPREAD, int(USERS_REFERRED_TO * MOST_USED["Users"] * settings.scale)),
        )

    def _added(self, column: Column) -> Column:
        if column.type not in ADDED_FORMATS:
            name = self._table.name
            raise ValueError(f"a schema change of {name} can't add {column.name} to the key: it is a {column.type}")
        return column


def changed(columns: list[Column], change: SchemaChange) -> list[Column]:
    """Return the columns after a change: removed, renamed, moved to the front, appended, in this order."""
    names = dict(change.rename)
    kept = [column for column in columns if column.name not in change.remove]
    renamed = [replace(column, name=names.get(column.name, column.name)) for column in kept]
    moved = [column for name in change.move_to_front for column in renamed if column.name == name]
    return [*moved, *(column for column in renamed if column not in moved), *map(Column.parse, change.append)]
