"""Conversion of the ledger's gaps to those of reports."""

from __future__ import annotations

from ..ledger import Missed
from ..models import DataSet
from ..report import Gap


def gap_of(data_set: DataSet, missed: Missed, closed_by: str | None = None) -> Gap:
    """The gap in a report for missed differentials."""
    return Gap(data_set.name, data_set.schema_id, missed.after, missed.before, closed_by)
