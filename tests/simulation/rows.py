"""Typed rows of extracts, and whether a delivered file is an extract: a Parquet file is compared row by row."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import pyarrow.parquet

from bds_async.registry import ColumnType, KnownDataSet, find
from bds_async.sandbox.truth import TrueExtract

from .loader import Taken

CONVERSIONS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys((ColumnType.BIGINT, ColumnType.INT, ColumnType.SMALLINT), int),
    ColumnType.DECIMAL: Decimal,
    ColumnType.FLOAT: float,
    ColumnType.BIT: lambda text: text.lower() in ("true", "1"),
    # To the microsecond, as in both databases.
    ColumnType.DATETIME2: lambda text: datetime.fromisoformat(text[:26].rstrip("Z")),
    ColumnType.UNIQUEIDENTIFIER: UUID,
}


def same_content(taken: Taken, extract: TrueExtract) -> bool:
    """Whether a file is an extract: to the last byte of a zip, or row by row, with the documented types."""
    if taken.path.endswith(".parquet"):
        return bool(pyarrow.parquet.read_table(io.BytesIO(taken.content)).to_pylist() == typed_rows(extract))
    return taken.sha256 == extract.sha256


def typed_rows(extract: TrueExtract) -> list[dict[str, Any]]:
    """The rows that the Parquet file of an extract must contain, in order."""
    known = known_as(extract.data_set)
    kinds = {column.name: column.type for column in known.columns}
    return [{name: _typed(name, text, kinds, known) for name, text in row.items()} for row in extract.rows()]


def _typed(name: str, text: str, kinds: dict[str, ColumnType], known: KnownDataSet) -> Any:
    kind = kinds.get(name)
    if not text:
        return None
    # A moment in a key stays text: its seventh digit counts.
    is_text = kind is None or (kind is ColumnType.DATETIME2 and name in known.key)
    return text if is_text or kind is None else CONVERSIONS.get(kind, str)(text)


@cache
def known_as(name: str) -> KnownDataSet:
    found = find(name=name)
    assert found is not None
    return found
