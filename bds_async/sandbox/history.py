"""The course of one data set: which version and columns it has when, and what is late or made anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from .events import LateExtract, Reissue, SchemaChange
from .schedule import Moment, Schedule
from .settings import SandboxSettings
from .tables import Column, Table, matches

Event = TypeVar("Event", LateExtract, Reissue)
FULL, DIFFERENTIAL = "Full", "Differential"


@dataclass(frozen=True)
class Generation:
    """One making of one extract; it is listed once `created`, until `replaced` (None: until it is dropped)."""

    moment: Moment
    created: datetime
    replaced: datetime | None
    version: str
    columns: tuple[Column, ...]


class History:
    """The events of the settings, as far as they concern one data set."""

    def __init__(self, table: Table, schedule: Schedule, settings: SandboxSettings) -> None:
        self._table, self._schedule, self._version = table, schedule, settings.version
        changes = [change for change in settings.schema_changes if matches(table.name, (change.data_set,))]
        self._changes = sorted(changes, key=lambda change: change.at)
        self._late = [event for event in settings.late_extracts if matches(table.name, (event.data_set,))]
        self._reissues = [event for event in settings.reissues if matches(table.name, (event.data_set,))]
        for number in range(len(self._changes)):
            self._columns(self._changes[: number + 1])

    def generations(self, bds_type: str, moment: Moment) -> list[Generation]:
        """Give every making of the extract of one moment, whether or not it has come to that yet."""
        for late in self._concerning(self._late, bds_type, moment):
            moment = replace(moment, created=moment.created + late.by)
        made = [self._first(moment, self._changes_until(moment.queued))]
        if (beside := self._version_beside(moment.queued)) is not None:
            # Made a little earlier, so that no two extracts of a plugin have one created date.
            made.insert(0, replace(self._first(moment, beside), created=moment.created - timedelta(seconds=5)))
        for again in self._concerning(self._reissues, bds_type, moment):
            made += self._made_anew(made, again)
        return made

    def _first(self, moment: Moment, changes: list[SchemaChange]) -> Generation:
        version = changes[-1].version if changes else self._version
        return Generation(moment, moment.created, None, version, self._columns(changes))

    @staticmethod
    def _made_anew(made: list[Generation], event: Reissue) -> list[Generation]:
        anew = [replace(generation, created=generation.created + event.after) for generation in made]
        if event.replaces:
            made[:] = [replace(old, replaced=new.created) for old, new in zip(made, anew, strict=True)]
        return anew

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
        lost = set(self._table.key) - {column.name for column in columns}
        if lost:
            raise ValueError(f"a schema change of {self._table.name} loses the key column {min(lost)}")
        return tuple(columns)


def changed(columns: list[Column], change: SchemaChange) -> list[Column]:
    """Give the columns after a change: removed, renamed, moved to the front, appended, in this order."""
    names = dict(change.rename)
    kept = [column for column in columns if column.name not in change.remove]
    renamed = [replace(column, name=names.get(column.name, column.name)) for column in kept]
    moved = [column for name in change.move_to_front for column in renamed if column.name == name]
    return [*moved, *(column for column in renamed if column not in moved), *map(Column.parse, change.append)]
