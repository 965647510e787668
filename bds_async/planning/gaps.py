"""The gaps of reports, from those of the ledger."""

from __future__ import annotations

from ..ledger import Missed
from ..models import DataSet
from ..report import Gap


def gap_of(data_set: DataSet, missed: Missed, closed_by: str | None = None) -> Gap:
    """The gap of a report for differentials that were missed."""
    return Gap(data_set.name, data_set.schema_id, missed.after, missed.before, closed_by)
