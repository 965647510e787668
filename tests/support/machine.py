"""Checks of JSON against the schemas that `schema-of` prints."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from bds_async.cli.schema_of import FORMATS
from bds_async.report import json_schema_of
from tests.support.commands import Done

#: Objects whose keys are not all fixed.
OPEN = ("observations", "LogLine")


def closed(schema: Any) -> Any:
    """The same schema, but without additional keys."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    is_closed = "properties" in schema and schema.get("title") not in OPEN
    return {**inner, "additionalProperties": False} if is_closed else inner


def checked(name: str, document: Any) -> Any:
    """Return the document, after checking that it has every key of its format and no other."""
    Draft202012Validator(closed(json_schema_of(FORMATS[name]))).validate(document)
    return document


def checked_lines(name: str, text: str) -> list[Any]:
    """Return the documents of lines of JSON, at least one, each checked."""
    lines = text.splitlines()
    assert lines
    return [checked(name, json.loads(line)) for line in lines]


def checked_output(name: str, done: Done) -> Any:
    """Return the one document on stdout, checked."""
    return checked(name, done.document())
