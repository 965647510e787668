"""The SQL that merges a staged extract into its table, the same for both databases.

If extracts arrive in order, `newer` is empty. Otherwise it holds the numbers of the applied extracts that are later
than the current one: their rows are not touched, and `purge` is the first later full that deletes rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...registry import ColumnType
from ..applied import Applied
from ..names import quoted
from ..table import DELETED, LOSER, Table, TableColumn
from .pieces import key_sql, literal, match, stored_keys
from .staging import BAD, Stage

#: Temporary tables: merged rows, rows that a full lacks, rows whose `_bds_changed` is in doubt.
MERGE, LOST, DOUBT = "_bds_merge", "_bds_lost", "_bds_doubt"


@dataclass(frozen=True, slots=True)
class Purge:
    """The first full after the current extract that deletes the rows that it lacks."""

    number: int
    queued: datetime


@dataclass(frozen=True, slots=True)
class Merge:
    """The statements for one staged extract. `target` and `gone` are qualified names; `row` is as in Engine."""

    stage: Stage
    target: str
    gone: str
    row: str
    number: str
    applied: Applied
    newer: Sequence[int] = ()
    purge: Purge | None = None

    @property
    def table(self) -> Table:
        """The table that the extract is merged into."""
        return self.stage.table

    @property
    def moment(self) -> str:
        """The queued date as an SQL literal."""
        return literal(self.applied.identity.queued_for_processing_date)

    # Rows of the stage

    def twice(self) -> str:
        """Return the query that finds a duplicate key in the stage."""
        return f"SELECT 1 FROM {self.stage.name} GROUP BY {self._group} HAVING count(*) > 1 LIMIT 1"

    def drop_unusable(self) -> str:
        """Return the statement that removes staged rows without a usable key."""
        return f"DELETE FROM {self.stage.name} WHERE {BAD} = 2"

    def drop_twice(self) -> str:
        """Return the statement that keeps one staged row for each key: the highest version, then the last line."""
        version = self.table.row_version
        staged = {column.name for column in self.stage.layout.columns}
        order = f"{quoted(version)} DESC NULLS LAST, " if version in staged and version is not None else ""
        ranked = (
            f"SELECT {self.number} AS place, row_number() OVER (PARTITION BY {self._group} "
            f"ORDER BY {order}{self.number} DESC) AS rank FROM {self.stage.name}"
        )
        return (
            f"DELETE FROM {self.stage.name} WHERE {self.number} IN "
            f"(SELECT place FROM ({ranked}) AS ranked WHERE rank > 1)"
        )

    @property
    def _group(self) -> str:
        return ", ".join(key_sql(self.table))

    # Merging by key

    def join(self) -> str:
        """Return the statement that joins each staged row with the row of the table with the same key."""
        tests = {
            "_bds_live": self._live("t"),
            "_bds_same": self._same,
            "_bds_newer": self.is_newer("t._bds_extract"),
            "_bds_gone": self._is_gone,
            "_bds_purged": self._purged("s", [column.name for column in self.stage.layout.columns]),
        }
        staged = ", ".join(f"s.{column}" for column in self.stage.columns)
        chosen = ", ".join(f"{test} AS {name}" for name, test in tests.items())
        return (
            f"CREATE TEMP TABLE {MERGE} AS SELECT {staged}, {chosen}, t.{self.row} AS _bds_row, "
            f"t._bds_changed AS _bds_changed, t._bds_since AS _bds_since "
            f"FROM {self.stage.name} AS s LEFT JOIN {self.target} AS t ON {match(self.table, 's', 't')}"
        )

    def _live(self, alias: str) -> str:
        """The test whether a row of the table existed at the date of the extract."""
        found = f"{alias}._bds_extract IS NOT NULL"
        if not self.table.keep_deleted:
            return f"({found})"
        lost = f"{alias}._bds_deleted IS NULL OR {self.is_newer(f'{alias}.{LOSER}')}"
        return f"({found} AND ({lost}))"

    @property
    def _same(self) -> str:
        staged = {column.name for column in self.stage.layout.columns}
        differs = [
            f"s.{column.sql} IS DISTINCT FROM t.{column.sql}"
            if column.name in staged
            else f"t.{column.sql} IS NOT NULL"
            for column in self.table.columns
        ]
        return f"(t._bds_extract IS NOT NULL AND NOT ({' OR '.join(differs)}))"

    def is_newer(self, number: str) -> str:
        """Return the test whether the number of an extract is that of a later one."""
        return f"coalesce({number} IN ({', '.join(map(str, self.newer))}), FALSE)" if self.newer else "FALSE"

    @property
    def _is_gone(self) -> str:
        """The test whether a later extract held the row, and a full after that deleted it."""
        if not self.newer or self.table.window is None or self.table.keep_deleted:
            return "FALSE"
        found = f"SELECT 1 FROM {self.gone} AS g WHERE {match(self.table, 's', 'g')}"
        return f"EXISTS ({found} AND {self.is_newer('g._bds_extract')})"

    def _purged(self, alias: str, columns: Sequence[str]) -> str:
        return self.inside(alias, columns, self.purge.queued) if self.purge is not None else "FALSE"

    def inside(self, alias: str, columns: Sequence[str], moment: datetime) -> str:
        """Return the test whether a row is in the window at a moment, so that a full that lacks the row deletes it."""
        start = self.table.window_start(moment)
        if start is None:
            return "TRUE"
        dates = [f"{alias}.{each.sql}" for each in self._dates if each.name in columns]
        first = f"coalesce({', '.join(dates)})" if len(dates) > 1 else "".join(dates)
        return f"coalesce({first} >= TIMESTAMP '{start} 00:00:00', FALSE)" if dates else "FALSE"

    @property
    def _dates(self) -> list[TableColumn]:
        """The date columns in file order, then those that the file lacks."""
        columns = [*self.stage.layout.columns, *self.table.columns]
        return list(dict.fromkeys(column for column in columns if column.type is ColumnType.DATETIME2))

    def count(self) -> str:
        """Return the query for the numbers of inserted rows, updated rows, and changed ones among the latter."""
        placed = "NOT _bds_newer AND NOT _bds_gone"
        shown = placed if self.table.keep_deleted else f"{placed} AND NOT _bds_purged"
        return (
            f"SELECT count(CASE WHEN {shown} AND NOT _bds_live THEN 1 END), "
            f"count(CASE WHEN {shown} AND _bds_live THEN 1 END), "
            f"count(CASE WHEN {shown} AND _bds_live AND NOT _bds_same THEN 1 END) FROM {MERGE}"
        )

    def replace(self) -> list[str]:
        """Return the statements that replace the old rows with the merged ones."""
        old = f"SELECT _bds_row FROM {MERGE} WHERE _bds_row IS NOT NULL AND NOT _bds_newer"
        delete = f"DELETE FROM {self.target} WHERE {self.row} IN ({old})"
        return [delete, self._insert(), *self._note_purged()]

    def _insert(self) -> str:
        names = [*self.stage.columns, "_bds_queued", "_bds_changed", "_bds_extract", "_bds_since"]
        kept = "_bds_live AND _bds_same"
        values = [
            *self.stage.columns,
            self.moment,
            f"CASE WHEN {kept} THEN _bds_changed ELSE {self.moment} END",
            str(self.applied.number),
            f"CASE WHEN {kept} THEN _bds_since ELSE {self.applied.number} END",
        ]
        placed = "NOT _bds_newer AND NOT _bds_gone"
        if not self.table.keep_deleted:
            placed += " AND NOT _bds_purged"
        elif self.purge is not None:
            names += [DELETED, LOSER]
            values += [f"CASE WHEN _bds_purged THEN {gone} END" for gone in self._gone_at(self.purge)]
        columns, chosen = ", ".join(names), ", ".join(values)
        return f"INSERT INTO {self.target} ({columns}) SELECT {chosen} FROM {MERGE} WHERE {placed}"

    @staticmethod
    def _gone_at(purge: Purge) -> tuple[str, str]:
        return literal(purge.queued), str(purge.number)

    def _note_purged(self) -> list[str]:
        if self.purge is None or self.table.window is None or self.table.keep_deleted:
            return []
        keys = ", ".join(stored_keys(self.table))
        select = f"SELECT {keys}, {self.applied.number} FROM {MERGE} WHERE _bds_purged AND NOT _bds_newer"
        return [f"INSERT INTO {self.gone} ({keys}, _bds_extract) {select}"]

    # Rows that a full lacks

    def lose(self) -> str:
        """Return the statement that lists the earlier rows in the window that a full lacks."""
        keys = "".join(f", t.{key}" for key in stored_keys(self.table))
        inside = self.inside("t", [column.name for column in self.table.columns], self.queued)
        return (
            f"CREATE TEMP TABLE {LOST} AS SELECT t.{self.row} AS _bds_row, t._bds_extract{keys} "
            f"FROM {self.target} AS t LEFT JOIN {MERGE} AS m ON m._bds_row = t.{self.row} "
            f"WHERE m._bds_row IS NULL AND {self._live('t')} AND NOT {self.is_newer('t._bds_extract')} AND {inside}"
        )

    @property
    def queued(self) -> datetime:
        """The queued date of the extract."""
        return self.applied.identity.queued_for_processing_date

    def live(self) -> str:
        """Return the query for the number of live rows of the table."""
        alive = " WHERE _bds_deleted IS NULL" if self.table.keep_deleted else ""
        return f"SELECT count(*) FROM {self.target}{alive}"

    def delete_lost(self) -> list[str]:
        """Return the statements that delete the listed rows, or mark them as deleted."""
        chosen = f"WHERE {self.row} IN (SELECT _bds_row FROM {LOST})"
        if self.table.keep_deleted:
            mark = f"{DELETED} = {self.moment}, {LOSER} = {self.applied.number}"
            return [f"UPDATE {self.target} SET {mark} {chosen}"]
        delete = f"DELETE FROM {self.target} {chosen}"
        if self.table.window is None:
            return [delete]
        keys = ", ".join(stored_keys(self.table))
        return [delete, f"INSERT INTO {self.gone} ({keys}, _bds_extract) SELECT {keys}, _bds_extract FROM {LOST}"]

    # A data set without a usable key

    def replace_all(self) -> list[str]:
        """Return the statements that replace the whole table with the stage."""
        names = [*self.stage.columns, "_bds_queued", "_bds_changed", "_bds_extract", "_bds_since"]
        number = str(self.applied.number)
        values = ", ".join([*self.stage.columns, self.moment, self.moment, number, number])
        insert = f"INSERT INTO {self.target} ({', '.join(names)}) SELECT {values} FROM {self.stage.name}"
        gone = [f"DELETE FROM {self.gone}"] if self.table.window is not None and self.table.is_keyed else []
        return [f"DELETE FROM {self.target}", insert, *gone]
