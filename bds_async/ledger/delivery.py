"""The record of one delivered extract, and its conversion to a row and back."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ..models import Extract, Identity
from .rows import SAME_EXTRACT, columns_of, identity_of, key_of, member_of, moment_or_none, or_none, text_of

#: Query of rows for `delivery_of`; append a condition.
SELECT = """
    SELECT extracts.id, plugin_id, bds_type, queued, created, version, data_set, schema_id, folder, path, bytes, sha256,
           headers.columns, state, staged, delivered
    FROM extracts
    JOIN plugins ON plugins.id = extracts.plugin
    LEFT JOIN headers ON headers.id = extracts.header
"""

#: Statements that write a delivery, with the values of `row_of`: its plugin and columns if they are new, then its row.
#: If the extract has a row whose dates differ by fractions of a second, that row gets the new dates.
WRITE = (
    """
    INSERT INTO plugins (plugin_id, bds_type, folder, data_set, schema_id)
    VALUES (:plugin_id, :bds_type, :folder, :data_set, :schema_id)
    ON CONFLICT (plugin_id, bds_type) DO UPDATE SET
        folder = excluded.folder, data_set = excluded.data_set, schema_id = coalesce(excluded.schema_id, schema_id)
    """,
    "INSERT OR IGNORE INTO headers (columns) SELECT :columns WHERE :columns IS NOT NULL",
    f"""
    UPDATE OR IGNORE extracts SET queued = :queued, created = :created WHERE id = (
        SELECT min(extracts.id) FROM extracts JOIN plugins ON plugins.id = extracts.plugin WHERE {SAME_EXTRACT}
    )
    """,  # noqa: S608
    """
    INSERT INTO extracts (plugin, queued, created, version, state, path, staged, bytes, sha256, header, delivered)
    SELECT plugins.id, :queued, :created, :version, :state, :path, :staged, :bytes, :sha256,
           (SELECT headers.id FROM headers WHERE headers.columns = :columns), :delivered
    FROM plugins WHERE plugin_id = :plugin_id AND bds_type = :bds_type
    ON CONFLICT (plugin, queued, created, version) DO UPDATE SET
        state = excluded.state, path = excluded.path, staged = excluded.staged, bytes = excluded.bytes,
        sha256 = excluded.sha256, header = excluded.header, delivered = excluded.delivered
    """,
)

#: Statement that deletes an extract, with the values of `row_of`, from the owed ones.
PAID = f"DELETE FROM owed WHERE {SAME_EXTRACT}"  # noqa: S608


class State(StrEnum):
    """`intent`: the file is about to get its final name; `done`: it has been delivered."""

    INTENT = "intent"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The record of one extract in the ledger.

    `folder` is the data set's. `path` and `staged` are relative to the destination, with `/`; `path` is None if the
    extract never was a file here. `bytes` and `sha256` describe the published file. Data set, schema id and folder are
    the latest ones seen for the plugin.
    """

    identity: Identity
    data_set: str
    schema_id: str | None
    folder: str
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    columns: tuple[str, ...] | None = None
    state: State = State.DONE
    staged: str | None = None
    delivered_at: datetime | None = None

    @classmethod
    def of(cls, extract: Extract, folder: str, **known: Any) -> Self:
        """The delivery of an extract; `known` are the fields that the extract does not have."""
        return cls(extract.identity, extract.data_set, extract.schema_id, folder, **known)

    @property
    def extract(self) -> Extract:
        """The extract as recorded in the ledger; its link is empty."""
        known = self.identity
        return Extract(
            self.data_set,
            self.schema_id,
            known.plugin_id,
            known.bds_type,
            known.queued_for_processing_date,
            known.created_date,
            known.version,
            download_link="",
        )


def delivery_of(row: sqlite3.Row) -> Delivery:
    """The delivery in a row of SELECT; raises Unreadable."""
    return Delivery(
        identity=identity_of(row),
        data_set=row["data_set"],
        schema_id=row["schema_id"],
        folder=row["folder"],
        path=row["path"],
        bytes=row["bytes"],
        sha256=row["sha256"],
        columns=None if row["columns"] is None else columns_of(row["columns"]),
        state=member_of(State, row["state"]),
        staged=row["staged"],
        delivered_at=moment_or_none(row["delivered"]),
    )


def row_of(delivery: Delivery) -> dict[str, Any]:
    """The values for the statements of WRITE."""
    return {
        **key_of(delivery.identity),
        "data_set": delivery.data_set,
        "schema_id": delivery.schema_id,
        "folder": delivery.folder,
        "path": delivery.path,
        "bytes": delivery.bytes,
        "sha256": delivery.sha256,
        "columns": None if delivery.columns is None else text_of(delivery.columns),
        "state": delivery.state.value,
        "staged": delivery.staged,
        "delivered": or_none(delivery.delivered_at),
    }
