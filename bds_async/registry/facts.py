"""The known facts about one data set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum


class ColumnType(StrEnum):
    """The SQL Server type that D2L documents for a column; every value arrives as CSV text."""

    BIGINT = "bigint"
    INT = "int"
    SMALLINT = "smallint"
    DECIMAL = "decimal"
    FLOAT = "float"
    BIT = "bit"
    DATETIME2 = "datetime2"
    UNIQUEIDENTIFIER = "uniqueidentifier"
    NVARCHAR = "nvarchar"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `nullable` says whether it may be empty."""

    name: str
    type: ColumnType
    nullable: bool

    @classmethod
    def parse(cls, text: str) -> Column:
        """Parse `Name:type`, or `Name:type?` for a column that may be empty; ValueError for an unknown type."""
        name, _, kind = text.partition(":")
        return cls(name, ColumnType(kind.removesuffix("?")), kind.endswith("?"))


@dataclass(frozen=True, slots=True)
class Window:
    """The period that a full covers: everything `since` a fixed date, or the current calendar year and two before.

    A row that leaves the window is missing from the next full, but it has not been deleted.
    """

    since: date | None = None

    def start(self, moment: datetime) -> date:
        """Return the first day of the window at a moment (UTC if it has no zone).

        Rows dated before that day are outside the window.
        """
        if self.since is not None:
            return self.since
        year = moment.astimezone(UTC).year if moment.tzinfo else moment.year
        return date(max(year - 2, 1), 1, 1)


@dataclass(frozen=True, slots=True)
class KnownDataSet:
    """One documented data set: columns in file order, and the names of the columns with a special meaning.

    `key` is empty if no key is documented. Of two rows with the same key, the one with the higher `row_version` is
    later. `soft_delete` is a flag (`bit`) or a date (`datetime2`) that is set when the object is deleted but its row
    stays. The ids are lower-case GUIDs, the same at every tenant, and None if they are not known.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    row_version: str | None = None
    soft_delete: str | None = None
    window: Window | None = None
    full_plugin_id: str | None = None
    differential_plugin_id: str | None = None
    schema_id: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The known ids: full plugin, differential plugin, schema."""
        found = (self.full_plugin_id, self.differential_plugin_id, self.schema_id)
        return tuple(identifier for identifier in found if identifier)
