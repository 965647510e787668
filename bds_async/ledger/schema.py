"""What the ledger knows of columns: the headers of delivered extracts, and the columns that are pinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..columns import Columns, Header, predecessor
from ..models import Identity
from .queries import PAGE, LedgerQueries
from .rows import columns_of, microseconds, moment_of

_HEADERS = """
    SELECT extracts.id, extracts.queued, extracts.version, headers.columns
    FROM extracts JOIN plugins ON plugins.id = extracts.plugin JOIN headers ON headers.id = extracts.header
    WHERE plugins.folder = ? AND state = 'done'
"""
_NEXT_BEFORE = """
    SELECT max(newest) FROM (
        SELECT (SELECT queued FROM extracts WHERE plugin = plugins.id AND queued < ? AND state = 'done'
                AND header IS NOT NULL ORDER BY queued DESC LIMIT 1) AS newest
        FROM plugins WHERE folder = ?
    )
"""
_FIRST = f"{_HEADERS} ORDER BY extracts.id LIMIT 1"


class SchemaRecords(LedgerQueries):
    """The part of the ledger that is about columns."""

    def columns_before(self, folder: str, identity: Identity) -> Columns | None:
        """The header to compare an extract's with: that of the data set's delivered one next before it in queued order.

        Of either flavour; where several stand at that moment, the same version's, then the highest one's. Extracts
        whose columns are not known are passed over; None if nothing is left.
        """
        ((moment,),) = self._rows(_NEXT_BEFORE, microseconds(identity.queued_for_processing_date), folder)
        if moment is None:
            return None
        with self._statements():
            rows = self._rows(f"{_HEADERS} AND queued = ? ORDER BY created", folder, moment)
            found = {version: columns_of(columns) for _, _, version, columns in rows}
        return predecessor(identity.version, found)

    def headers(self, folder: str) -> Iterator[Header]:
        """The header of each delivered extract of a data set's folder, in queued order, page by page."""
        query = f"{_HEADERS} AND (queued, extracts.id) > (?, ?) ORDER BY queued, extracts.id LIMIT {PAGE}"
        last = (microseconds(datetime.min.replace(tzinfo=UTC)), 0)
        while rows := self._rows(query, folder, *last):
            with self._statements():
                page = [Header(moment_of(queued), version, columns_of(text)) for _, queued, version, text in rows]
            yield from page
            last = (rows[-1][1], rows[-1][0])

    def pinned_columns(self, folder: str) -> Columns | None:
        """The columns to write for a data set: those pinned, else those of its first delivery.

        None if the next extract's are to be pinned.
        """
        return self._columns_in(self._pins_of(folder) or [row[3:] for row in self._rows(_FIRST, folder)])

    def stored_pin(self, folder: str) -> Columns | None:
        """The columns that were pinned for a data set; None if none are."""
        return self._columns_in(self._pins_of(folder))

    def _columns_in(self, rows: list[tuple[Any, ...]]) -> Columns | None:
        with self._statements():
            return columns_of(rows[0][0]) if rows and rows[0][0] is not None else None

    def _pins_of(self, folder: str) -> list[tuple[Any, ...]]:
        return self._rows("SELECT columns FROM pins LEFT JOIN headers ON headers.id = header WHERE folder = ?", folder)

    def pin_columns(self, folder: str, columns: Columns | None) -> None:
        """Pin a data set's columns; None lets the next extract's be pinned."""
        text = None if columns is None else json.dumps(columns, ensure_ascii=False)
        with self._writing():
            self._connection.execute("INSERT OR IGNORE INTO headers (columns) SELECT ? WHERE ?1 IS NOT NULL", (text,))
            query = "INSERT OR REPLACE INTO pins VALUES (?, (SELECT id FROM headers WHERE columns = ?))"
            self._connection.execute(query, (folder, text))
