"""The table of one data set, and the columns of an extract for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..registry import ColumnType, KnownDataSet, Window
from .names import OWN, column_names, own_name, quoted

QUEUED, CHANGED, DELETED = "_bds_queued", "_bds_changed", "_bds_deleted"
#: Private: the numbers of the last extract that held the row, and of the one that `_bds_changed` refers to.
EXTRACT, SINCE = "_bds_extract", "_bds_since"
#: Private, if deleted rows are kept: the number of the full that `_bds_deleted` refers to.
LOSER = "_bds_lost_by"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A delivered column: its name in the table and its documented type."""

    name: str
    type: ColumnType

    @property
    def sql(self) -> str:
        """The name as SQL."""
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """The table of one data set.

    `key` are column names, empty if no key is known; in `optional` ones NULL is a value. `source` is the source of the
    key: `registry`, `keys file` or `none`.
    """

    name: str
    folder: str
    columns: tuple[TableColumn, ...] = ()
    key: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    source: str = "none"
    row_version: str | None = None
    window: Window | None = None
    keep_deleted: bool = False

    @property
    def key_columns(self) -> tuple[TableColumn, ...]:
        """The columns of the key, in the key's order."""
        found = {column.name: column for column in self.columns}
        return tuple(found[name] for name in self.key if name in found)

    @property
    def moment_keys(self) -> tuple[TableColumn, ...]:
        """The columns of the key that are moments, which are compared by all delivered digits."""
        return tuple(column for column in self.key_columns if column.type is ColumnType.DATETIME2)

    @property
    def is_keyed(self) -> bool:
        """Whether rows can be distinguished."""
        return bool(self.key) and len(self.key_columns) == len(self.key)

    def with_columns(self, columns: Sequence[TableColumn]) -> Table:
        """Return the table with its missing columns appended."""
        known = {column.name for column in self.columns}
        return replace(self, columns=(*self.columns, *(each for each in columns if each.name not in known)))

    def window_start(self, moment: datetime) -> str | None:
        """Return the first day of the data set's window at a moment, as ISO 8601; None without a window."""
        return None if self.window is None else self.window.start(moment).isoformat()


def key_name(column: TableColumn) -> str:
    """Return the name of the private column that holds a moment of the key with all its digits."""
    return own_name(f"{OWN}key_{column.name}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one extract, in file order: delivered names, and the table's columns for them."""

    header: tuple[str, ...]
    columns: tuple[TableColumn, ...] = field(default=())

    @classmethod
    def of(cls, header: Sequence[str], known: KnownDataSet | None, reserved: Sequence[str] = ()) -> Layout:
        """Return the layout for a header; columns that are not in the registry are text, none has a reserved name."""
        types = {column.name.lower(): column.type for column in known.columns} if known is not None else {}
        names = column_names(header, reserved)
        columns = (
            TableColumn(name, types.get(each.lower(), ColumnType.NVARCHAR))
            for name, each in zip(names, header, strict=True)
        )
        return cls(tuple(header), tuple(columns))

    def typed_as(self, table: Table) -> Layout:
        """Return the layout with the types that the table already has."""
        types = {column.name: column.type for column in table.columns}
        return replace(
            self, columns=tuple(replace(each, type=types.get(each.name, each.type)) for each in self.columns)
        )

    def positions(self, names: Sequence[str]) -> list[int]:
        """Return the positions of some table columns in the file; columns that the file lacks are left out."""
        return [place for place, column in enumerate(self.columns) if column.name in names]
