"""What happens to a tenant over time: schema changes, late and reissued extracts, hard deletes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class SchemaChange:
    """From `at` on (by queued date), matching data sets have another version and other columns.

    A minor version usually appends columns; a major one may remove, rename or move them to the front. Columns are given
    as `Name:type` or `Name:type?`. While `beside` lasts, extracts of the previous version are listed too, for the same
    queued dates. Key columns must stay (else ValueError when the sandbox is created).

    `key` is the key from then on, if it changes: the documented key and further columns. Rows inserted later may have
    the documented key of another row.
    """

    at: datetime
    version: str
    data_set: str = "*"
    append: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    move_to_front: tuple[str, ...] = ()
    beside: timedelta = timedelta()
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class LateExtract:
    """The last extract queued at or before `at` is generated late, by the time `by`."""

    at: datetime
    by: timedelta
    data_set: str = "*"
    bds_type: str = "Differential"


@dataclass(frozen=True)
class Reissue:
    """The last extract queued at or before `at` is generated again, the time `after` later.

    Its queued date stays, its created date is new. If `replaces` is set, the first generation is no longer listed from
    then on.
    """

    at: datetime
    after: timedelta
    data_set: str = "*"
    bds_type: str = "Differential"
    replaces: bool = True


@dataclass(frozen=True)
class HardDelete:
    """At `at` a share (0 to 1) of the rows is deleted. No differential shows it; the next full lacks the rows.

    A small share models a usual day, 0.5 a purge of half a data set. After `returns_after` the rows exist again, and
    the next differential holds them; None means never.
    """

    at: datetime
    share: float
    data_set: str = "*"
    returns_after: timedelta | None = None
