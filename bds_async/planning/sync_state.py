"""What is listed of one data set, and when: values, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ..models import BdsType, DataSet, Extract, newest

#: How far ahead of the clock the tenant's dates may be before they are doubted.
AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the tenant's extract lists, `now` by the clock; `latest` is when the newest of them all was made."""

    now: datetime
    latest: datetime | None

    @classmethod
    def of(cls, now: datetime, listed: Iterable[Extract]) -> Self:
        """A look by all that is listed in a run.

        Where a few are far ahead of the clock, their dates are wrong and tell nothing; where most are, the clock is.
        """
        moments = [extract.made_at for extract in listed]
        credible = [moment for moment in moments if moment <= now + AHEAD]
        return cls(now, max(credible if 2 * len(credible) >= len(moments) else moments, default=None))

    @property
    def at(self) -> datetime:
        """The moment of the look: where the tenant's dates are ahead of the clock they count."""
        return self.now if self.latest is None else max(self.now, self.latest)


@dataclass(frozen=True, slots=True)
class Listed:
    """What is listed of one data set, by flavour, and whether the tenant knows a differential flavour of it."""

    fulls: tuple[Extract, ...]
    differentials: tuple[Extract, ...]
    has_plugin: bool = True

    @classmethod
    def of(cls, data_set: DataSet, extracts: Iterable[Extract]) -> Self:
        """The extracts of a data set's list, told apart."""
        by_type: dict[BdsType, list[Extract]] = {BdsType.FULL: [], BdsType.DIFFERENTIAL: []}
        for extract in extracts:
            by_type[extract.bds_type].append(extract)
        has_plugin = data_set.differential is not None
        return cls(tuple(by_type[BdsType.FULL]), tuple(by_type[BdsType.DIFFERENTIAL]), has_plugin)

    @property
    def newest_full(self) -> Extract | None:
        """The full with the latest queued date, then the highest version."""
        return newest(self.fulls)

    @property
    def oldest_differential(self) -> datetime | None:
        """The earliest queued date of the differentials."""
        return min((extract.queued_for_processing_date for extract in self.differentials), default=None)
