"""Validation of JSON answers: pages as a whole, their entries one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ...errors import CatalogueError

Shape = TypeVar("Shape", bound=BaseModel)
#: The type of an error about an entry as a whole, which may hold a signed link.
INCOMPLETE = "incomplete"
#: The most characters of a malformed value that are shown.
_SHOWN = 80


def parse(shape: type[Shape], document: Any, route: str) -> Shape:
    """Validate the JSON that `route` answered; raises CatalogueError naming the route and each bad field."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        raise _undocumented(route, _faults(error)) from None


def readable(shape: type[Shape], entries: Sequence[Any]) -> tuple[list[Shape], dict[int, str]]:
    """The readable entries, and the fault of each other entry by its index from 0."""
    found, unreadable = [], {}
    for place, entry in enumerate(entries):
        try:
            found.append(shape.model_validate(entry))
        except ValidationError as error:
            unreadable[place] = _faults(error)
    return found, unreadable


def readable_entries(shape: type[Shape], entries: Sequence[Any], route: str) -> tuple[list[Shape], dict[int, str]]:
    """Like `readable`, for the whole list of a route; raises CatalogueError if no entry can be read."""
    shapes, unreadable = readable(shape, entries)
    if unreadable and not shapes:
        place, fault = next(iter(unreadable.items()))
        raise _undocumented(route, f"entry {place + 1}: {fault}")
    return shapes, unreadable


def _undocumented(route: str, faults: str) -> CatalogueError:
    """The error for a wholly unreadable answer."""
    return CatalogueError(f"{route} answered something that is not what D2L documents: {faults}.")


def _faults(error: ValidationError) -> str:
    return "; ".join(map(_fault, error.errors(include_url=False)[:3]))


def _fault(error: Any) -> str:
    """Field, message and value; neither a link is shown nor an entry as a whole, since a link may be signed."""
    if error["type"] == INCOMPLETE:
        return str(error["msg"])
    place = _place(error["loc"])
    if error["type"] == "missing" or not error["loc"] or place.endswith(("Link", "Url")):
        return f"{place}: {error['msg'].lower()}"
    try:
        value = json.dumps(error["input"], default=str)
    except (ValueError, RecursionError):
        value = type(error["input"]).__name__
    if "://" in value:
        return f"{place}: {error['msg'].lower()}"
    return f"{place}: {error['msg'].lower()} (it is {value[:_SHOWN]})"


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "the document"
