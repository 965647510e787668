"""One delivered extract as the ledger holds it, and its way into a row and back."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

from ..models import BdsType, Extract, Identity

Kind = TypeVar("Kind", bound=StrEnum)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Reads rows for `delivery_of`; a condition follows.
SELECT = """
    SELECT extracts.id, plugins.plugin_id, plugins.bds_type, extracts.queued, extracts.created, extracts.version,
           plugins.data_set, plugins.schema_id, plugins.folder, extracts.path, extracts.bytes, extracts.sha256,
           headers.columns, extracts.state, extracts.staged, extracts.delivered
    FROM extracts
    JOIN plugins ON plugins.id = extracts.plugin
    LEFT JOIN headers ON headers.id = extracts.header
"""

#: Writes a delivery, with the values of `row_of`: its plugin and its columns as far as they are new, then itself.
WRITE = (
    """
    INSERT INTO plugins (plugin_id, bds_type, folder, data_set, schema_id)
    VALUES (:plugin_id, :bds_type, :folder, :data_set, :schema_id)
    ON CONFLICT (plugin_id, bds_type) DO UPDATE SET
        folder = excluded.folder, data_set = excluded.data_set, schema_id = coalesce(excluded.schema_id, schema_id)
    """,
    "INSERT OR IGNORE INTO headers (columns) SELECT :columns WHERE :columns IS NOT NULL",
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

#: Takes an extract, with the values of `row_of`, off what is owed.
PAID = """
    DELETE FROM owed WHERE plugin_id = :plugin_id AND bds_type = :bds_type AND queued = :queued AND created = :created
    AND version = :version
"""


class Unreadable(ValueError):
    """A row holds what the ledger never writes: the file is damaged, or somebody has changed it by hand."""


class State(StrEnum):
    """`intent`: the file is about to get its final name; `done`: it has been delivered."""

    INTENT = "intent"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the ledger knows of one extract.

    `folder` is the data set's, `path` and `staged` are relative to the destination, with `/`; `path` is None for what
    was never a file here. `bytes` and `sha256` are those of the published file. Data set, schema id and folder are
    those that were last seen of its plugin.
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
        """The delivery of an extract; `known` are the fields that do not come from it."""
        return cls(extract.identity, extract.data_set, extract.schema_id, folder, **known)


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """The delivery that a row of SELECT describes; raises Unreadable."""
    (_, plugin_id, bds_type, queued, created, version, data_set, schema_id, folder, path, size, sha256, columns, state,
     staged, delivered) = row  # fmt: skip
    return Delivery(
        identity=Identity(plugin_id, flavour_of(bds_type), moment_of(queued), moment_of(created), version),
        data_set=data_set,
        schema_id=schema_id,
        folder=folder,
        path=path,
        bytes=size,
        sha256=sha256,
        columns=None if columns is None else columns_of(columns),
        state=_member(State, state),
        staged=staged,
        delivered_at=moment_or_none(delivered),
    )


def row_of(delivery: Delivery) -> dict[str, Any]:
    """The values that WRITE wants."""
    queued, created, version = row_key(delivery.identity)
    return {
        "plugin_id": delivery.identity.plugin_id,
        "bds_type": delivery.identity.bds_type.value,
        "queued": queued,
        "created": created,
        "version": version,
        "data_set": delivery.data_set,
        "schema_id": delivery.schema_id,
        "folder": delivery.folder,
        "path": delivery.path,
        "bytes": delivery.bytes,
        "sha256": delivery.sha256,
        "columns": None if delivery.columns is None else json.dumps(delivery.columns, ensure_ascii=False),
        "state": delivery.state.value,
        "staged": delivery.staged,
        "delivered": or_none(delivery.delivered_at),
    }


def row_key(identity: Identity) -> tuple[int, int, str]:
    """What tells the rows of one plugin apart: queued, created, version."""
    created = microseconds(identity.created_date)
    return (microseconds(identity.queued_for_processing_date), created, identity.version)


def microseconds(moment: datetime) -> int:
    """A moment as rows hold it, so that it sorts and compares by time."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(number: int) -> datetime:
    """The moment, in UTC, that a row holds; raises Unreadable."""
    try:
        return _EPOCH + timedelta(microseconds=number)
    except (OverflowError, TypeError) as error:
        raise Unreadable(f"{number!r} is no moment") from error


def span_of(number: int) -> timedelta:
    """How long something lasts, as a row holds it; raises Unreadable."""
    return moment_of(number) - _EPOCH


def or_none(moment: datetime | None) -> int | None:
    """A moment as rows hold it, NULL for None."""
    return None if moment is None else microseconds(moment)


def moment_or_none(number: int | None) -> datetime | None:
    """The moment, in UTC, that a row holds, None for NULL; raises Unreadable."""
    return None if number is None else moment_of(number)


def flavour_of(text: str) -> BdsType:
    """The flavour that a row holds; raises Unreadable."""
    return _member(BdsType, text)


def _member(kind: type[Kind], text: str) -> Kind:
    try:
        return kind(text)
    except ValueError as error:
        raise Unreadable(f"{text!r} is no {kind.__name__}") from error


@functools.lru_cache(maxsize=1024)
def columns_of(text: str) -> tuple[str, ...]:
    """The columns that a row holds; equal ones share one tuple, since a year of extracts has the same few.

    Raises Unreadable.
    """
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError) as error:
        raise Unreadable("a header is no list of columns") from error
