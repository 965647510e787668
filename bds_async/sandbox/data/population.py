"""Which rows of a table exist at a moment, and which of them changed at a tick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .events import HardDelete
from .rows import CLASSES
from .schedule import Schedule
from .tables import stable_number

#: An odd number that spreads consecutive row numbers over 32 bits (Knuth's multiplicative hash).
SPREADING = 2654435761
SHARES = 1 << 32


@dataclass(frozen=True)
class Selection:
    """A share of the rows, chosen by a seed; each row is in it or not, independently of the others."""

    seed: int
    share: float

    @classmethod
    def of(cls, share: float, *seeds: object) -> Selection:
        """Return the selection for these seeds."""
        return cls(stable_number(*seeds), share)

    def __contains__(self, number: int) -> bool:
        mixed = (number * SPREADING ^ self.seed) * SPREADING % SHARES
        return (mixed ^ mixed >> 16) * SPREADING % SHARES < self.share * SHARES


@dataclass(frozen=True)
class _Deletion:
    """A hard delete in one table: it can hit only the `rows` lowest numbers."""

    event: HardDelete
    rows: int
    chosen: Selection

    def __contains__(self, number: int) -> bool:
        return number < self.rows and number in self.chosen

    def is_in_force(self, moment: datetime) -> bool:
        """Return whether the rows are missing at a moment."""
        event = self.event
        returned = event.returns_after is not None and event.at + event.returns_after <= moment
        return event.at <= moment and not returned

    def ends_between(self, before: datetime, moment: datetime) -> bool:
        """Return whether the rows return after `before` and not after `moment`."""
        return self.event.returns_after is not None and before < self.event.at + self.event.returns_after <= moment


class Population:
    """The rows of one table, by number; rows are added only at the end, and hard deletes remove some."""

    def __init__(self, table: str, schedule: Schedule, deletes: Sequence[HardDelete], seed: int) -> None:
        self._schedule = schedule
        self._deletions = [
            _Deletion(
                event, schedule.rows_at(schedule.tick_at(event.at)), Selection.of(event.share, seed, table, number)
            )
            for number, event in enumerate(deletes)
        ]

    def _rows(self, moment: datetime) -> int:
        return self._schedule.rows_at(self._schedule.tick_at(moment))

    def existing(self, tick: int, moment: datetime) -> Iterable[int]:
        """Return the rows that exist at a moment whose last differential is `tick`."""
        return self._without_deleted(range(self._schedule.rows_at(tick)), moment)

    def changed(self, tick: int) -> Iterator[int]:
        """Yield the rows in the differential of a tick: touched, returned and inserted ones."""
        moment = self._schedule.differential_moment(tick)
        before, count = self._schedule.rows_at(tick - 1), self._schedule.rows_at(tick)
        yield from self._without_deleted(range(tick % CLASSES, before, CLASSES), moment)
        yield from self._without_deleted(self._returned(tick, before, moment), moment)
        yield from self._without_deleted(range(before, count), moment)

    def _returned(self, tick: int, before: int, moment: datetime) -> list[int]:
        previous = self._schedule.differential_moment(tick - 1)
        ended = [deletion for deletion in self._deletions if deletion.ends_between(previous, moment)]
        if not ended:
            return []
        untouched = (number for number in range(before) if (number - tick) % CLASSES)
        return [number for number in untouched if any(number in deletion for deletion in ended)]

    def _without_deleted(self, numbers: Iterable[int], moment: datetime) -> Iterable[int]:
        deletions = [deletion for deletion in self._deletions if deletion.is_in_force(moment)]
        if not deletions:
            return numbers
        return (number for number in numbers if not any(number in deletion for deletion in deletions))
