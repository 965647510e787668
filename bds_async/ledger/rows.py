"""Conversion of values to rows of the ledger and back; moments are microseconds since 1970, UTC."""

from __future__ import annotations

import functools
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from ..columns import Columns
from ..models import BdsType, Identity, whole_second

Kind = TypeVar("Kind", bound=StrEnum)

SECOND = 1_000_000

#: SQL condition: the row is that of an extract, given the values of `key_of`; dates are compared by whole seconds.
SAME_EXTRACT = f"""
    plugin_id = :plugin_id AND bds_type = :bds_type AND version = :version
    AND queued BETWEEN :queued_second AND :queued_second + {SECOND - 1}
    AND created BETWEEN :created_second AND :created_second + {SECOND - 1}
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Unreadable(ValueError):
    """A row holds a value that the ledger never writes: the file is damaged, or was changed by hand."""


def key_of(identity: Identity) -> dict[str, Any]:
    """The values of an identity by column name, and the seconds that SAME_EXTRACT compares."""
    return {
        "plugin_id": identity.plugin_id,
        "bds_type": identity.bds_type.value,
        "queued": microseconds(identity.queued_for_processing_date),
        "created": microseconds(identity.created_date),
        "version": identity.version,
        "queued_second": microseconds(identity.second),
        "created_second": microseconds(whole_second(identity.created_date)),
    }


def identity_of(row: sqlite3.Row) -> Identity:
    """The identity that a row holds; raises Unreadable."""
    moments = moment_of(row["queued"]), moment_of(row["created"])
    return Identity(row["plugin_id"], bds_type_of(row["bds_type"]), *moments, row["version"])


def microseconds(moment: datetime) -> int:
    """A moment as a number that sorts and compares by time."""
    return (moment - _EPOCH) // _MICROSECOND


def second_of(column: str) -> str:
    """The SQL expression that rounds the moment in a column down to the whole second."""
    return f"({column} - ({column} % {SECOND} + {SECOND}) % {SECOND})"


def moment_of(number: int) -> datetime:
    """The moment, in UTC, that a row holds; raises Unreadable."""
    try:
        return _EPOCH + timedelta(microseconds=number)
    except (OverflowError, TypeError) as error:
        raise Unreadable(f"{number!r} is not a moment") from error


def span_of(number: int) -> timedelta:
    """The duration that a row holds; raises Unreadable."""
    return moment_of(number) - _EPOCH


def or_none(moment: datetime | None) -> int | None:
    """A moment as a number; None stays None."""
    return None if moment is None else microseconds(moment)


def moment_or_none(number: int | None) -> datetime | None:
    """The moment, in UTC, that a row holds, None for NULL; raises Unreadable."""
    return None if number is None else moment_of(number)


def bds_type_of(text: str) -> BdsType:
    """The type that a row holds; raises Unreadable."""
    return member_of(BdsType, text)


def member_of(kind: type[Kind], text: str) -> Kind:
    """The member of an enumeration that a row holds; raises Unreadable."""
    try:
        return kind(text)
    except ValueError as error:
        raise Unreadable(f"{text!r} is not a {kind.__name__}") from error


@functools.lru_cache(maxsize=1024)
def columns_of(text: str) -> Columns:
    """The columns that a row holds; equal columns share one tuple, since a year of extracts has few different ones.

    Raises Unreadable.
    """
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError) as error:
        raise Unreadable("a header is not a list of columns") from error


def text_of(columns: Columns) -> str:
    """Columns as text for a row."""
    return json.dumps(columns, ensure_ascii=False)
