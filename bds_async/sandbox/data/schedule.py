"""When the tenant generates extracts: ticks of differentials, weeks of fulls, and the row counts at each tick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..settings import SandboxSettings
from .tables import Table, stable_number

#: A Sunday: ticks and weeks are counted from here, so that their numbers do not depend on the current time.
EPOCH = datetime(2020, 1, 5, tzinfo=UTC)
ROWS_ARE_NOMINAL_AT = datetime(2026, 1, 1, tzinfo=UTC)
#: Row counts are at least this share of the nominal one.
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Moment:
    """The moment of an extract's data: `number` counts the differentials, or the fulls, of its data set.

    `tick` is the last differential whose changes the data contains.
    """

    number: int
    tick: int
    queued: datetime
    created: datetime


class Schedule:
    """The cadence of one data set."""

    def __init__(self, table: Table, settings: SandboxSettings) -> None:
        self._table, self._settings = table, settings
        self._period = timedelta(hours=settings.differential_hours)
        self._full_period = timedelta(days=settings.full_days)
        jitter = timedelta(seconds=stable_number("phase", settings.seed, table.name) % 3600)
        self._phase = (timedelta(hours=4) + jitter) % self._period
        self._full_phase = (timedelta(hours=2) + jitter) % self._full_period

    def differential_moment(self, tick: int) -> datetime:
        """Return the queued moment of a differential."""
        return EPOCH + self._phase + tick * self._period

    def tick_at(self, moment: datetime) -> int:
        """Return the last differential that is queued at or before a moment."""
        return (moment - EPOCH - self._phase) // self._period

    def rows_at(self, tick: int) -> int:
        """Return how many rows were inserted up to and including the differential of a tick; it never shrinks."""
        days = (self.differential_moment(tick) - ROWS_ARE_NOMINAL_AT) / timedelta(days=1)
        share = max(LEAST_SHARE, 1 + self._settings.growth_per_day * days)
        return int(self._table.rows * self._settings.scale * share)

    def week_at(self, moment: datetime) -> int:
        """Return the last full that is queued at or before a moment."""
        return (moment - EPOCH - self._full_phase) // self._full_period

    def differentials(self, now: datetime) -> range:
        """Return the differentials that are queued and still retained at a moment."""
        oldest = now - timedelta(days=self._settings.differential_retention_days)
        return range(self.tick_at(oldest) + 1, self.tick_at(now) + 1)

    def fulls(self, now: datetime) -> range:
        """Return the fulls that are queued and still retained at a moment."""
        oldest = now - timedelta(days=self._settings.full_retention_days)
        return range(self.week_at(oldest) + 1, self.week_at(now) + 1)

    def differential(self, tick: int) -> Moment:
        """Return the moment of one differential."""
        return self._moment("Differential", tick, tick, self.differential_moment(tick))

    def full(self, week: int) -> Moment:
        """Return the moment of one full."""
        queued = EPOCH + self._full_phase + week * self._full_period
        return self._moment("Full", week, self.tick_at(queued), queued)

    def _moment(self, bds_type: str, number: int, tick: int, queued: datetime) -> Moment:
        delay = 10_000 + stable_number("created", self._settings.seed, self._table.name, bds_type, queued) % 200_000
        return Moment(number, tick, queued, queued + timedelta(milliseconds=delay))
