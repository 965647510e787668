"""Conversion of the ledger's gaps to those of reports."""

from __future__ import annotations

from ..ledger import Missed
from ..models import BdsType, DataSet, Extract, whole_second
from ..report import Gap


def gap_of(data_set: DataSet, missed: Missed, closed_by: str | None = None) -> Gap:
    """The gap in a report for missed differentials."""
    return Gap(data_set.name, data_set.schema_id, missed.after, missed.before, closed_by)


def covers(extract: Extract, gap: Gap) -> bool:
    """Whether an extract is a full of the gap's data set that holds all that was missed."""
    is_full_of_it = extract.bds_type is BdsType.FULL and (extract.data_set, extract.schema_id) == (
        gap.data_set,
        gap.schema_id,
    )
    queued = whole_second(extract.queued_for_processing_date)
    starts_late = gap.after is None or queued > whole_second(gap.after)
    return is_full_of_it and starts_late and (gap.before is None or queued >= whole_second(gap.before))
