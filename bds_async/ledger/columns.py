"""The headers of delivered extracts, and the pinned columns of data sets."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ..columns import Columns, Header, predecessor
from ..models import Identity
from .database import Database
from .rows import SAME_EXTRACT, columns_of, key_of, moment_of, text_of

_HEADERS = """
    SELECT extracts.id, queued, version, headers.columns
    FROM extracts JOIN plugins ON plugins.id = extracts.plugin JOIN headers ON headers.id = extracts.header
    WHERE folder = :folder AND state = 'done'
"""
_AT_MOMENT = f"{_HEADERS} AND queued = :moment ORDER BY created"
_FIRST = f"{_HEADERS} ORDER BY extracts.id LIMIT 1"
_NEXT_BEFORE = f"""
    SELECT max(newest) AS newest FROM (
        SELECT (SELECT queued FROM extracts WHERE plugin = plugins.id AND queued < :queued AND state = 'done'
                AND header IS NOT NULL AND NOT ({SAME_EXTRACT}) ORDER BY queued DESC LIMIT 1) AS newest
        FROM plugins WHERE folder = :folder
    )
"""  # noqa: S608
_PINNED = "SELECT columns FROM pins LEFT JOIN headers ON headers.id = header WHERE folder = ?"


class RecordedColumns:
    """The part of the ledger that records columns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def before(self, folder: str, identity: Identity) -> Columns | None:
        """The header of the delivered extract that precedes an extract in queued order; None if none is known.

        The type does not matter. If several extracts have that queued date, the one with the same version counts, else
        the one with the highest version.
        """
        (row,) = self._database.rows(_NEXT_BEFORE, folder=folder, **key_of(identity))
        if row["newest"] is None:
            return None
        found = self._database.read(_header_of, _AT_MOMENT, folder=folder, moment=row["newest"])
        return predecessor(identity.version, {header.version: header.columns for header in found})

    def headers(self, folder: str) -> Iterator[Header]:
        """The header of each delivered extract of a folder in queued order, page by page."""
        return self._database.in_queued_order(_header_of, _HEADERS, folder=folder)

    def pinned(self, folder: str) -> Columns | None:
        """The columns to write for a data set: the pinned ones, else those of its first delivery.

        None if the columns of the next extract will be pinned.
        """
        if rows := self._database.rows(_PINNED, folder):
            return self._columns_in(rows)
        return self._columns_in(self._database.rows(_FIRST, folder=folder))

    def stored_pin(self, folder: str) -> Columns | None:
        """The columns that are pinned for a data set; None if none are."""
        return self._columns_in(self._database.rows(_PINNED, folder))

    def _columns_in(self, rows: list[sqlite3.Row]) -> Columns | None:
        known = self._database.made(lambda row: row["columns"] and columns_of(row["columns"]), rows)
        return next(iter(known), None)

    def pin(self, folder: str, columns: Columns | None) -> None:
        """Pin the columns of a data set; with None the columns of the next extract will be pinned."""
        text = None if columns is None else text_of(columns)
        with self._database.writing():
            self._database.execute("INSERT OR IGNORE INTO headers (columns) SELECT ? WHERE ?1 IS NOT NULL", text)
            query = "INSERT OR REPLACE INTO pins VALUES (?, (SELECT id FROM headers WHERE columns = ?))"
            self._database.execute(query, folder, text)


def _header_of(row: sqlite3.Row) -> Header:
    return Header(moment_of(row["queued"]), row["version"], columns_of(row["columns"]))
