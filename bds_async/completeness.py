"""How complete a folder is, as reports tell it: how an extract arrived, gaps, and up to when all is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .models import utc_text

_OPEN = (
    "no full that covers it is there yet. The next one closes it; to live with what was lost, `bds-async ledger accept`"
)


class Arrival(StrEnum):
    """How an extract comes in its data set's course, as the plan of a sync sees it.

    BASELINE: a full to begin with, or to begin anew after a gap. NEW: it follows all that was delivered. LATE: its
    queued date is older than that of something delivered before. REISSUED: the same queued date has been delivered
    already, with another created date or version.
    """

    BASELINE = "baseline"
    NEW = "new"
    LATE = "late"
    REISSUED = "reissued"


@dataclass(frozen=True, slots=True)
class Gap:
    """Differentials of a data set that were, or may have been, made and dropped unseen between two queued dates.

    `after` is None where nothing was delivered before, `before` where nothing is known behind the gap. `closed_by` is
    the path of the full that holds what was missed, or of the lost differential, delivered at last; None while the gap
    is open.
    """

    data_set: str
    schema_id: str | None
    after: datetime | None
    before: datetime | None
    closed_by: str | None = None

    def __str__(self) -> str:
        between = [f"after {utc_text(self.after)}"] if self.after is not None else []
        between += [f"before {utc_text(self.before)}"] if self.before is not None else []
        queued = f" queued {' and '.join(between)}" if between else ""
        end = f"closed by {self.closed_by}" if self.closed_by is not None else _OPEN
        return f"Differentials of {self.data_set}{queued} may have been missed: {end}."


@dataclass(frozen=True, slots=True)
class Completeness:
    """The queued date up to which everything of a data set is delivered; None if that is not known of any."""

    data_set: str
    schema_id: str | None
    complete_through: datetime | None
