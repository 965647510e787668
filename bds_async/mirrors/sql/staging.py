"""SQL that converts the text of an extract to a typed temporary table, and finds values that do not fit."""

from __future__ import annotations

from dataclasses import dataclass

from ...registry.conversion import Dialect
from ..names import OWN, quoted
from ..table import Layout, Table, TableColumn, key_name

#: Private column of a stage: 0 for a good row, 1 for one with a value that does not fit, 2 for one without a key.
BAD = "_bds_bad"
#: Private column: the position of a record in its file, from 0.
NUMBER = "_bds_number"


@dataclass(frozen=True, slots=True)
class Stage:
    """The temporary table `name` for the rows of an extract, which arrive as texts `_bds_c0`, `_bds_c1`, and so on.

    If it is `numbered`, the column NUMBER holds the position of each record.
    """

    name: str
    dialect: Dialect
    table: Table
    layout: Layout
    numbered: bool

    @property
    def raw(self) -> list[str]:
        """The names of the texts, in file order."""
        return [f"{OWN}c{place}" for place in range(len(self.layout.columns))]

    @property
    def columns(self) -> list[str]:
        """The columns of the stage as SQL: those of the extract, then the moments of the key."""
        return [column.sql for column in self.layout.columns] + [quoted(key_name(each)) for each in self._moments]

    @property
    def _moments(self) -> list[TableColumn]:
        delivered = {column.name for column in self.layout.columns}
        return [column for column in self.table.moment_keys if column.name in delivered]

    def create(self) -> str:
        """Return the statement that creates the stage."""
        types = [self.dialect.type_of(column.type) for column in self.layout.columns] + ["text" for _ in self._moments]
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(self.columns, types, strict=True))
        number = f", {NUMBER} bigint" if self.numbered else ""
        return f"CREATE TEMP TABLE {self.name} ({columns}, {BAD} smallint{number})"

    def insert(self, source: str, record: str = "0") -> str:
        """Return the statement that fills the stage from a table of texts; `record` is the number of a record."""
        columns = ", ".join([*self.columns, BAD, *([NUMBER] if self.numbered else [])])
        values = ", ".join([*self.columns, self._badness, *([NUMBER] if self.numbered else [])])
        return f"INSERT INTO {self.name} ({columns}) SELECT {values} FROM ({self._typed(source, record)}) AS typed"

    def misfits(self, source: str, record: str) -> str:
        """Return the query for the bad rows: record number, whether each value fits, then the texts.

        `record` is the SQL expression for the number.
        """
        fits = [f"NOT ({misfit})" for misfit in self._misfits]
        query = f"SELECT {NUMBER}, {', '.join(fits)}, {', '.join(self.raw)} FROM ({self._typed(source, record)})"
        return f"{query} AS typed WHERE {self._badness} > 0 ORDER BY {NUMBER}"

    def _typed(self, source: str, record: str) -> str:
        pairs = zip(self.layout.columns, self.raw, strict=True)
        casts = [f"{self.dialect.cast(column.type, raw)} AS {column.sql}" for column, raw in pairs]
        places = {column.name: raw for column, raw in zip(self.layout.columns, self.raw, strict=True)}
        casts += [f"{self.dialect.moment_key(places[each.name])} AS {quoted(key_name(each))}" for each in self._moments]
        return f"SELECT {record} AS {NUMBER}, {', '.join(self.raw)}, {', '.join(casts)} FROM {source}"

    @property
    def _misfits(self) -> list[str]:
        pairs = zip(self.layout.columns, self.raw, strict=True)
        return [f"({raw} IS NOT NULL AND {column.sql} IS NULL)" for column, raw in pairs]

    @property
    def _badness(self) -> str:
        misfits = dict(zip((column.name for column in self.layout.columns), self._misfits, strict=True))
        if self.lacks_key:
            return "2"
        unusable = [misfits[name] for name in self.table.key if name in misfits]
        unusable += [f"{quoted(name)} IS NULL" for name in self.table.key if name in misfits and self._is_needed(name)]
        typed = [misfits[column.name] for column in self.layout.columns if self._can_misfit(column)]
        cases = f"WHEN {' OR '.join(unusable)} THEN 2 " if unusable else ""
        cases += f"WHEN {' OR '.join(typed)} THEN 1 " if typed else ""
        return f"CASE {cases}ELSE 0 END" if cases else "0"

    @property
    def lacks_key(self) -> bool:
        """Whether the extract lacks a column of the key."""
        delivered = {column.name for column in self.layout.columns}
        return any(name not in delivered for name in self.table.key)

    def _is_needed(self, name: str) -> bool:
        return name not in self.table.optional

    @staticmethod
    def _can_misfit(column: TableColumn) -> bool:
        return column.type.value != "nvarchar"
