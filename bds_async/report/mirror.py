"""The result of a mirror: the extracts that it applied or did not apply, and its part of a run report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..models import BdsType
from .entries import Count, Moment


@dataclass(frozen=True, slots=True)
class AppliedExtract:
    """One extract that this run applied; `bytes` is the size of its file, None if the ledger does not know it.

    `updated` counts keys that were there, `changed` those of them with other values. A full that is an audit found
    the table filled: what it inserts, changes or deletes is drift, which the differentials had not brought.
    """

    path: str
    bds_type: BdsType
    queued: datetime
    rows: int
    inserted: int
    updated: int
    changed: int
    deleted: int
    rejected: int
    seconds: float
    is_audit: bool = False
    bytes: int | None = None


class ProblemKind(StrEnum):
    """Why an extract was not applied."""

    MISSING = "missing"
    CHANGED = "changed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Problem:
    """An extract that was not applied, by its path, and what to do about it."""

    kind: ProblemKind
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorTableSummary:
    """What a run did to one table of a mirror: numbers of extracts, and of rows.

    `updated` counts keys that were there. `complete_through` is the queued date up to which the table has everything.
    `drift` counts rows that fulls corrected. `problems` are extracts that were not applied; `notes` say what a person
    should know of the table.
    """

    table: str
    applied: Count
    inserted: Count
    updated: Count
    deleted: Count
    rejected: Count
    complete_through: Moment | None
    data_set: str
    drift: Count
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSummary:
    """What a run did to a mirror; `target` is its address without a password.

    `error` says why the mirror is not up to date, null if it is. The tables are then those that were changed before.
    """

    target: str
    tables: tuple[MirrorTableSummary, ...]
    error: str | None = None
