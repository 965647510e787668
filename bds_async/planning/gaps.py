"""From what the ledger calls missed to what reports call a gap."""

from __future__ import annotations

from ..ledger import Missed
from ..models import DataSet
from ..report import Gap


def gap_of(data_set: DataSet, missed: Missed, closed_by: str | None = None) -> Gap:
    """A gap as reports tell it."""
    return Gap(data_set.name, data_set.schema_id, missed.after, missed.before, closed_by)
