"""Every action of a fault: the kinds of requests that it can hit, and its parameters."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Kinds of requests, as faults and the log of requests name them.
KINDS = ("token", "consent", "versions", "catalogue", "extracts", "download", "storage")
LISTS = ("catalogue", "extracts")
BODIES = ("storage", "download")
ANSWERS = tuple(kind for kind in KINDS if kind != "storage")
REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter: its types, its default (`REQUIRED` if there is none), and the allowed values."""

    types: tuple[type, ...]
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = math.inf

    def complaint(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if object in self.types or (value is None and self.default is None):
            return None
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            return f"expected {' or '.join(kind.__name__ for kind in self.types)}, not {type(value).__name__}"
        if self.choices and value not in self.choices:
            near = difflib.get_close_matches(str(value), self.choices, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            return f"{value!r} is unknown; {hint}expected one of {', '.join(self.choices)}"
        if isinstance(value, int | float) and not self.least <= value <= self.most:
            return f"must be from {self.least:g} to {self.most:g}"
        return None


@dataclass(frozen=True)
class Spec:
    """One action."""

    kinds: tuple[str, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def _count(default: Any = REQUIRED) -> Parameter:
    return Parameter((int,), default)


def _number(default: Any = REQUIRED) -> Parameter:
    return Parameter((int, float), default)


def _text(default: Any = REQUIRED) -> Parameter:
    return Parameter((str,), default)


def _choice(*choices: str) -> Parameter:
    """Return a parameter with these values, the first of which is the default."""
    return Parameter((str,), choices[0], choices)


_ANYTHING = Parameter((object,))

SPECS: dict[str, Spec] = {
    # In place of the answer.
    "status": Spec(
        KINDS,
        {
            "status": Parameter((int,), least=200, most=599),
            "retry_after": _number(None),
            "retry_after_form": _choice("seconds", "date"),
            "headers": Parameter((dict,), {}),
            "body": _text(""),
            "content_type": _text("text/plain"),
        },
    ),
    "html": Spec(KINDS, {"body": _text("<!DOCTYPE html><html><title>Log in</title><p>Please log in.</p></html>")}),
    "json": Spec(KINDS, {"body": Parameter((object,), {"message": "something else"})}),
    "reset": Spec(KINDS),
    "redirect": Spec(KINDS, {"to": _text("loop")}),
    "expired": Spec(("storage",)),
    "outage": Spec(KINDS, {"seconds": _number()}),
    # Before and after it.
    "hang": Spec(KINDS, {"seconds": _number(3600)}),
    "lost": Spec(ANSWERS),
    # In a listing.
    "next_loops": Spec(LISTS),
    "next_leaves": Spec(LISTS),
    "foreign_links": Spec(LISTS, {"origin": _text("https://elsewhere.example")}),
    "remove_field": Spec(LISTS, {"field": _text()}),
    "set_field": Spec(LISTS, {"field": _text(), "value": _ANYTHING}),
    "unknown_fields": Spec(LISTS),
    "duplicates": Spec(LISTS),
    "rename": Spec(("catalogue",), {"name": _text()}),
    "wrong_size": Spec(LISTS, {"factor": _number(10)}),
    # In a link.
    "expired_link": Spec(("download",)),
    "link_uses": Spec(("download",), {"uses": _count()}),
    # In a body.
    "cut": Spec(
        BODIES,
        {
            "after": _count(),
            "framing": _choice("length", "chunked", "close"),
            "ending": _choice("reset", "close", "silent"),
        },
    ),
    "stall": Spec(BODIES, {"after": _count(0), "seconds": _number(3600)}),
    "trickle": Spec(BODIES, {"rate": Parameter((int, float), least=1)}),
    "length": Spec(BODIES, {"declared": _choice("longer", "shorter", "chunked", "close"), "by": _count(100)}),
    "gzip": Spec(BODIES),
    "corrupt": Spec(
        BODIES, {"how": _choice("flip", "truncate", "shorten"), "share": Parameter((int, float), 0.5, most=1)}
    ),
    "zip": Spec(
        BODIES,
        {
            "shape": _choice("empty", "two", "twenty", "encrypted", "zip64", "named", "bomb"),
            "name": _text("../../outside.csv"),
            "bytes": _count(64 << 20),
        },
    ),
    "etag": Spec(BODIES, {"value": _choice("changes", "swapped", "none", "weak")}),
    "ranges": Spec(BODIES, {"how": _choice("ignored", "refused", "wrong_start", "wrong_total"), "by": _count(1)}),
}
