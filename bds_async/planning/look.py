"""One look at the tenant's lists, and the listed extracts of one data set: values, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ..models import BdsType, DataSet, Extract, Identity, newest

#: How far a date may be ahead of the time of the look before it counts as future: the clocks of servers differ.
TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the tenant's extract lists, `now` by the clock.

    `latest` is when the newest listed extract was generated. Dates after `horizon` are in the future; it is None if
    that cannot be decided.
    """

    now: datetime
    latest: datetime | None
    horizon: datetime | None = None

    @classmethod
    def of(cls, now: datetime, listed: Iterable[Extract], moment: datetime | None = None) -> Self:
        """A look from all extracts listed in a run, at the tenant's time `moment`.

        Without `moment`, the local clock counts. If most of the listed dates are ahead of it, the clock is wrong, and
        there is no horizon.
        """
        made = [extract.made_at for extract in listed]
        horizon = (moment or now) + TOLERANCE
        credible = [each for each in made if each <= horizon]
        if moment is None and 2 * len(credible) < len(made):
            return cls(now, max(made))
        return cls(now, max(credible, default=None), horizon)

    def is_future(self, extract: Extract) -> bool:
        """Whether the queued date of an extract, or its created date, is in the future."""
        return self.horizon is not None and extract.made_at > self.horizon

    @property
    def at(self) -> datetime:
        """The time of the look: by the clock, or by the tenant's dates if they are ahead of it."""
        return self.now if self.latest is None else max(self.now, self.latest)


@dataclass(frozen=True, slots=True)
class Listed:
    """The listed extracts of one data set by type; `has_plugin` is whether it has a differential plugin."""

    fulls: tuple[Extract, ...]
    differentials: tuple[Extract, ...]
    has_plugin: bool = True
    future: tuple[Extract, ...] = ()

    @classmethod
    def of(cls, data_set: DataSet, extracts: Iterable[Extract], look: Look | None = None) -> Self:
        """Sort the extracts of a list by type; those with a date in the future at `look` are kept apart."""
        by_type: dict[BdsType, list[Extract]] = {BdsType.FULL: [], BdsType.DIFFERENTIAL: []}
        future: list[Extract] = []
        for extract in extracts:
            (future if look is not None and look.is_future(extract) else by_type[extract.bds_type]).append(extract)
        has_plugin = data_set.differential is not None
        return cls(tuple(by_type[BdsType.FULL]), tuple(by_type[BdsType.DIFFERENTIAL]), has_plugin, tuple(future))

    @property
    def identities(self) -> list[Identity]:
        """The identities of the extracts whose dates have come."""
        return [extract.identity for extract in (*self.fulls, *self.differentials)]

    @property
    def future_identities(self) -> list[Identity]:
        """The identities of the extracts that are in the future."""
        return [extract.identity for extract in self.future]

    @property
    def newest_full(self) -> Extract | None:
        """The full with the latest queued date, then the highest version."""
        return newest(self.fulls)

    @property
    def oldest_differential(self) -> datetime | None:
        """The earliest queued date of the differentials."""
        return min((extract.queued_for_processing_date for extract in self.differentials), default=None)
