"""A line of `--log-format json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config

from ...report import Moment

#: The form of an event's name.
EVENT_PATTERN = r"^[a-z][a-z0-9_.-]*$"


@with_config(ConfigDict(extra="allow"))
@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of the log: when, how serious, who, what a person reads, and what happened.

    `event` is a stable name; the fields of that event follow.
    """

    time: Moment
    level: Literal["debug", "info", "warning", "error", "critical"]
    name: str
    message: str
    event: Annotated[str, Field(pattern=EVENT_PATTERN)]
