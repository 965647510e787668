"""The result of a mirror: values for the command line, the run report and callers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..report import AppliedExtract, MirrorSummary, MirrorTableSummary, Problem


@dataclass(frozen=True, slots=True)
class TableResult:
    """One table after a run; `complete_through` is the date up to which it is complete, None if unknown."""

    table: str
    data_set: str
    schema_id: str | None
    key_source: str
    extracts: tuple[AppliedExtract, ...] = ()
    problems: tuple[Problem, ...] = ()
    passed_over: int = 0
    notes: tuple[str, ...] = ()
    complete_through: datetime | None = None

    @property
    def applied(self) -> int:
        """The number of extracts that were applied."""
        return len(self.extracts)

    @property
    def inserted(self) -> int:
        """The number of rows that were inserted."""
        return sum(each.inserted for each in self.extracts)

    @property
    def updated(self) -> int:
        """The number of keys that were already there."""
        return sum(each.updated for each in self.extracts)

    @property
    def changed(self) -> int:
        """The number of rows whose values changed."""
        return sum(each.changed for each in self.extracts)

    @property
    def deleted(self) -> int:
        """The number of rows that were deleted."""
        return sum(each.deleted for each in self.extracts)

    @property
    def drift(self) -> int:
        """The number of rows that later fulls inserted, changed or deleted: the changes that differentials missed."""
        return sum(each.inserted + each.changed + each.deleted for each in self.extracts if each.is_audit)

    @property
    def rejected(self) -> int:
        """The number of lines that went to `_bds_rejects`."""
        return sum(each.rejected for each in self.extracts)

    @property
    def summary(self) -> MirrorTableSummary:
        """The part of a run report about this table."""
        return MirrorTableSummary(
            table=self.table,
            applied=self.applied,
            inserted=self.inserted,
            updated=self.updated,
            deleted=self.deleted,
            rejected=self.rejected,
            complete_through=self.complete_through,
            data_set=self.data_set,
            drift=self.drift,
            problems=self.problems,
            notes=self.notes,
        )


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """The result of a mirror; `target` is shown without a password."""

    target: str
    schema: str
    tables: tuple[TableResult, ...] = field(default=())

    @property
    def summary(self) -> MirrorSummary:
        """The part of a run report about this mirror."""
        return MirrorSummary(target=self.target, tables=tuple(table.summary for table in self.tables))

    @property
    def exit_code(self) -> int:
        """0, or 3 if rows were rejected, a full was held back, or a file is missing or changed."""
        return 3 if any(table.rejected or table.problems for table in self.tables) else 0
