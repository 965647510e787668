"""The common parts of all machine formats: the form of a moment, the fields that name an extract, JSON Schema.

A machine format is a dataclass whose fields, in their order, are the keys of the JSON. pydantic writes it, and derives
its JSON Schema.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, PlainSerializer, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticSerializationError

from ..models import BdsType, Extract, Identity, utc_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Document = TypeVar("Document")
#: The largest number, and the longest duration in seconds, in a document.
MOST, LONGEST = 2**63 - 1, 1e10

#: A number of things, such as bytes.
Count: TypeAlias = Annotated[int, Field(ge=0, le=MOST), WithJsonSchema({"type": "integer"})]


def _in_utc(moment: datetime) -> datetime:
    """Convert a moment in a document to UTC; raises ValueError if it has no zone or is out of range."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment out of range") from None


#: A moment as `2026-11-22T04:09:22.000Z`: UTC, with milliseconds, or with microseconds if it has any.
Moment: TypeAlias = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(utc_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{3})?Z$",
        }
    ),
]

#: A duration in seconds, written to the millisecond.
Seconds: TypeAlias = Annotated[
    float,
    Field(ge=0, le=LONGEST, allow_inf_nan=False),
    PlainSerializer(lambda seconds: round(seconds, 3), return_type=float),
    WithJsonSchema({"type": "number", "minimum": 0, "description": "Seconds, to the millisecond."}),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractEntry:
    """The fields that name an extract in every machine format. Its link, which may be signed, is never one of them."""

    data_set: str
    schema_id: str | None
    plugin_id: str
    bds_type: BdsType
    queued_for_processing_date: Moment
    created_date: Moment
    version: str

    @classmethod
    def of(cls, extract: Extract | Identity, data_set: str, schema_id: str | None, **more: Any) -> Self:
        """Create the entry of an extract; `more` are the fields of a subclass."""
        return cls(
            data_set=data_set,
            schema_id=schema_id,
            plugin_id=extract.plugin_id,
            bds_type=extract.bds_type,
            queued_for_processing_date=extract.queued_for_processing_date,
            created_date=extract.created_date,
            version=extract.version,
            **more,
        )


def fields_of(document: Any) -> dict[str, Any]:
    """Return the fields of a document as JSON values."""
    kind: type = type(document)
    fields: dict[str, Any] = _adapter(kind).dump_python(document, mode="json")
    return fields


def json_line(document: Any) -> str:
    """Return a document as one line of JSON."""
    return json.dumps(fields_of(document), ensure_ascii=False)


def json_text(document: Any) -> str:
    """Return a document as indented JSON; bytes of file names that are not text become JSON escapes."""
    kind: type = type(document)
    try:
        # Written directly: JSON values in Python would take several times the memory of the text.
        return _adapter(kind).dump_json(document, indent=1).decode() + "\n"
    except PydanticSerializationError:
        text = json.dumps(fields_of(document), ensure_ascii=False, indent=1) + "\n"
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_schema_of(kind: type) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a machine format. It allows fields that later versions add."""
    return {"$schema": DIALECT, **_adapter(kind).json_schema(mode="serialization")}


def read_document(kind: type[Document], fields: object) -> Document:
    """Read a document from its fields; unknown fields are ignored. Raises ValueError."""
    adapter: TypeAdapter[Document] = TypeAdapter(kind)
    return adapter.validate_python(fields)


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
