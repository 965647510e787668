"""The part of a run report that is about a mirror."""

from __future__ import annotations

from dataclasses import dataclass

from .entries import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorTableSummary:
    """What a run did to one table of a mirror: numbers of extracts, and of rows.

    `updated` counts keys that were there. `complete_through` is the queued date up to which the table has everything.
    """

    table: str
    applied: int
    inserted: int
    updated: int
    deleted: int
    rejected: int
    complete_through: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSummary:
    """What a run did to a mirror; `target` is its address without a password."""

    target: str
    tables: tuple[MirrorTableSummary, ...]
