"""`mirror --json`: what was applied to each table, and what was not; `mirror --dry-run --json`: what would be."""

from __future__ import annotations

from dataclasses import dataclass

from ....mirrors import MirrorReport, PendingExtract, TableResult
from ....models import BdsType
from ....report import AppliedExtract, MirrorTableSummary, Moment, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredExtract:
    """One applied extract.

    `changed` counts keys that were there with other values. `is_audit` marks a full whose inserted, changed and deleted
    rows the differentials had not brought.
    """

    path: str
    bds_type: BdsType
    queued_for_processing_date: Moment
    rows: int
    inserted: int
    updated: int
    changed: int
    deleted: int
    rejected: int
    is_audit: bool
    seconds: Seconds

    @classmethod
    def about(cls, applied: AppliedExtract) -> MirroredExtract:
        """Create the entry of an applied extract."""
        return cls(
            path=applied.path,
            bds_type=applied.bds_type,
            queued_for_processing_date=applied.queued,
            rows=applied.rows,
            inserted=applied.inserted,
            updated=applied.updated,
            changed=applied.changed,
            deleted=applied.deleted,
            rejected=applied.rejected,
            is_audit=applied.is_audit,
            seconds=applied.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredTable(MirrorTableSummary):
    """One table. `changed` counts rows with other values, `passed_over` differentials without a usable key."""

    schema_id: str | None
    key_source: str
    changed: int
    passed_over: int
    extracts: tuple[MirroredExtract, ...]

    @classmethod
    def about(cls, table: TableResult) -> MirroredTable:
        """Create the entry of a table."""
        return cls(
            table=table.table,
            applied=table.applied,
            inserted=table.inserted,
            updated=table.updated,
            deleted=table.deleted,
            rejected=table.rejected,
            complete_through=table.complete_through,
            data_set=table.data_set,
            schema_id=table.schema_id,
            key_source=table.key_source,
            changed=table.changed,
            drift=table.drift,
            passed_over=table.passed_over,
            extracts=tuple(map(MirroredExtract.about, table.extracts)),
            problems=table.problems,
            notes=table.notes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorDocument:
    """The document of `mirror --json`; `target` is the address of the database without a password."""

    target: str
    schema: str
    exit_code: int
    tables: tuple[MirroredTable, ...]

    @classmethod
    def about(cls, report: MirrorReport) -> MirrorDocument:
        """Create the document of a report."""
        tables = tuple(map(MirroredTable.about, report.tables))
        return cls(target=report.target, schema=report.schema, exit_code=report.exit_code, tables=tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorPlanned:
    """A line of `mirror --dry-run --json`: an extract that would be applied."""

    table: str
    data_set: str
    bds_type: BdsType
    queued_for_processing_date: Moment
    path: str
    bytes: int | None

    @classmethod
    def about(cls, pending: PendingExtract) -> MirrorPlanned:
        """Create the line of a pending extract."""
        return cls(
            table=pending.table,
            data_set=pending.data_set,
            bds_type=pending.bds_type,
            queued_for_processing_date=pending.queued,
            path=pending.path,
            bytes=pending.bytes,
        )
