"""What happens to a tenant as time goes by: schema changes, late extracts, reissued ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class SchemaChange:
    """From `at` on (by queued date) the data sets that match have another version and other columns.

    A minor version only appends columns; a major one may remove, rename or move them to the front. Columns are given
    as `Name:type` or `Name:type?`. For as long as `beside`, extracts of the version before are listed beside the new
    ones, for the same queued dates. Key columns stay as they are (ValueError when the sandbox is made).
    """

    at: datetime
    version: str
    data_set: str = "*"
    append: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    move_to_front: tuple[str, ...] = ()
    beside: timedelta = timedelta()


@dataclass(frozen=True)
class LateExtract:
    """The extract that is queued last at or before `at` is generated `by` later than it would have been."""

    at: datetime
    by: timedelta
    data_set: str = "*"
    bds_type: str = "Differential"


@dataclass(frozen=True)
class Reissue:
    """The extract that is queued last at or before `at` is generated anew, `after` its first creation.

    Its queued date stays, its created date is new. Where `replaces` is set, the first one is then no longer listed.
    """

    at: datetime
    after: timedelta
    data_set: str = "*"
    bds_type: str = "Differential"
    replaces: bool = True
