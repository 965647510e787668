"""The one place that decides which runs exit with code 3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..columns import ChangeKind
from ..report import FailedList, MirrorSummary, Outcome, RunReport, Status

#: Exit code of a run that did only a part of its job.
PARTIAL = 3


def is_pulled_in_part(report: RunReport) -> bool:
    """Whether an extract or an extract list failed."""
    return bool(report.failed_lists) or report.count(Status.FAILED) > 0


def is_synced_in_part(report: RunReport, *, strict_schema: bool) -> bool:
    """Whether an extract or a list failed, a gap stays open, or the mirror did not apply everything.

    With `strict_schema` also whether the columns of a data set changed in a breaking way.
    """
    is_open = any(gap.closed_by is None for gap in report.gaps) or is_mirrored_in_part(report.mirror)
    return is_pulled_in_part(report) or is_open or (strict_schema and breaks_columns(report.outcomes))


def is_mirrored_in_part(mirror: MirrorSummary | None) -> bool:
    """Whether the mirror rejected rows, held back a full, or lacks a file."""
    return mirror is not None and any(table.rejected or table.problems for table in mirror.tables)


def breaks_columns(outcomes: Iterable[Outcome]) -> bool:
    """Whether the columns of an extract are a breaking change from those of the extract before it."""
    changes = (each.schema_change for each in outcomes)
    return any(change is not None and change.kind is ChangeKind.BREAKING for change in changes)


def listing_code(failed_lists: Sequence[FailedList]) -> int:
    """The exit code of a command that only lists."""
    return PARTIAL if failed_lists else 0
