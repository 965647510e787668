"""`schema --ddl`: the statements that create a table for each delivered data set, in five SQL dialects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..registry import ColumnType
from .keys import NONE, key_columns, key_of, known_data_set
from .names import unique_name
from .source import SourceDataSet
from .table import Layout, TableColumn

_WHOLE = (ColumnType.BIGINT, ColumnType.INT, ColumnType.SMALLINT)


class Ddl(StrEnum):
    """A dialect of SQL."""

    DUCKDB = "duckdb"
    POSTGRESQL = "postgresql"
    SQLSERVER = "sqlserver"
    SNOWFLAKE = "snowflake"
    BIGQUERY = "bigquery"


#: The types for whole numbers, DECIMAL, FLOAT, BIT, DATETIME2, UNIQUEIDENTIFIER and NVARCHAR.
_TYPES: dict[Ddl, tuple[str, ...]] = {
    Ddl.DUCKDB: ("BIGINT", "DECIMAL(38,12)", "DOUBLE", "BOOLEAN", "TIMESTAMP", "UUID", "VARCHAR"),
    Ddl.POSTGRESQL: ("bigint", "numeric", "double precision", "boolean", "timestamp", "uuid", "text"),
    Ddl.SQLSERVER: ("bigint", "decimal(38,12)", "float", "bit", "datetime2(7)", "uniqueidentifier", "nvarchar(max)"),
    Ddl.SNOWFLAKE: ("NUMBER(19,0)", "NUMBER(38,12)", "FLOAT", "BOOLEAN", "TIMESTAMP_NTZ(7)", "VARCHAR(36)", "VARCHAR"),
    Ddl.BIGQUERY: ("INT64", "BIGNUMERIC(38,12)", "FLOAT64", "BOOL", "DATETIME", "STRING", "STRING"),
}
#: The type of a text column in a key in SQL Server, which cannot index longer text.
_SHORT_TEXT = "nvarchar(400)"


@dataclass(frozen=True, slots=True)
class Design:
    """The table of a data set: its name, columns, key, and the source of the key."""

    name: str
    data_set: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...]
    optional: frozenset[str]
    source: str


def designs(data_sets: Iterable[SourceDataSet], corrected: Mapping[str, Sequence[str]]) -> Iterator[Design]:
    """Yield the table of each data set whose columns are known, with the name that the mirror would use."""
    taken: list[str] = []
    for data_set in data_sets:
        taken.append(name := unique_name(data_set.folder, taken))
        design = _design(name, data_set, corrected)
        if design is not None:
            yield design


def _design(name: str, data_set: SourceDataSet, corrected: Mapping[str, Sequence[str]]) -> Design | None:
    known = known_data_set(data_set)
    columns: dict[str, TableColumn] = {}
    names: dict[str, str] = {}
    for header in (extract.columns for extract in data_set.extracts if extract.columns):
        layout = Layout.of(header, known)
        columns |= {column.name: column for column in layout.columns if column.name not in columns}
        names |= dict(zip((column.name for column in layout.columns), header, strict=True))
    if not columns:
        return None
    key = key_of(data_set, known, corrected)
    found = key_columns(key, Layout(tuple(names.values()), tuple(columns.values()))) or ()
    empty = {column.name.casefold() for column in known.columns if column.nullable} if known is not None else set()
    optional = frozenset(name for name in found if names[name].casefold() in empty)
    source = key.source if found else NONE
    return Design(name, data_set.name, tuple(columns.values()), found, optional, source)


def ddl(design: Design, dialect: Ddl) -> str:
    """Return the statement that creates the table of a design."""
    lines = [f"    {_quoted(column.name, dialect)} {_type(column, design, dialect)}" for column in design.columns]
    if design.key and not design.optional:
        key = ", ".join(_quoted(name, dialect) for name in design.key)
        enforced = " NOT ENFORCED" if dialect is Ddl.BIGQUERY else ""
        lines.append(f"    PRIMARY KEY ({key}){enforced}")
    body = ",\n".join(lines)
    return f"CREATE TABLE {_quoted(design.name, dialect)} (\n{body}\n);"


def _type(column: TableColumn, design: Design, dialect: Ddl) -> str:
    kinds = (
        ColumnType.BIGINT,
        ColumnType.DECIMAL,
        ColumnType.FLOAT,
        ColumnType.BIT,
        ColumnType.DATETIME2,
        ColumnType.UNIQUEIDENTIFIER,
        ColumnType.NVARCHAR,
    )
    kind = ColumnType.BIGINT if column.type in _WHOLE else column.type
    name = dict(zip(kinds, _TYPES[dialect], strict=True))[kind]
    if column.name not in design.key:
        return name
    name = _SHORT_TEXT if name == "nvarchar(max)" else name
    return name if column.name in design.optional else f"{name} NOT NULL"


def _quoted(name: str, dialect: Ddl) -> str:
    if dialect is Ddl.SQLSERVER:
        return "[" + name.replace("]", "]]") + "]"
    if dialect is Ddl.BIGQUERY:
        return "`" + name.replace("`", "") + "`"
    return '"' + name.replace('"', '""') + '"'
