"""The package data: one data set per line, as a JSON object."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from .facts import Column, KnownDataSet, Window

#: The value for the window of the current calendar year and the two before; other values are the first day.
CALENDAR_YEARS = "calendar years"


@cache
def known_data_sets() -> tuple[KnownDataSet, ...]:
    """All documented data sets, ordered by name; read from the package once."""
    text = files(__package__ or "").joinpath("data_sets.jsonl").read_text("utf-8")
    return tuple(_data_set(json.loads(line)) for line in text.splitlines())


def _data_set(entry: dict[str, Any]) -> KnownDataSet:
    return KnownDataSet(
        **{
            **entry,
            "key": tuple(entry["key"]),
            "columns": tuple(map(Column.parse, entry["columns"].split())),
            "window": _window(entry.get("window")),
        }
    )


def _window(text: str | None) -> Window | None:
    if text is None:
        return None
    return Window() if text == CALENDAR_YEARS else Window(date.fromisoformat(text))
