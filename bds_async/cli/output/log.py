"""The log on stderr: as text for a person, or as one JSON object a line (`--log-format json`)."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePath
from typing import Any

from ...models import utc_text
from ...support.text import printable
from .suggestions import InUse

LEVELS = {-1: logging.WARNING, 0: logging.INFO, 1: logging.DEBUG}


@dataclass(frozen=True, slots=True)
class About:
    """Additions to each message: the options that suggested commands need, and the name of a fleet's tenant."""

    in_use: InUse = field(default_factory=InUse)
    tenant: str = ""


def set_up_logging(
    verbosity: int, log_format: str, *, timestamps: bool = False, about: Callable[[], About] = About
) -> None:
    """Send the program's log to stderr. `verbosity` is -1, 0 or 1; `log_format` is `text` or `json`.

    With `timestamps`, each text line begins with the time. `about` returns the additions to a message.
    """
    handler = _Stderr()
    handler.addFilter(partial(_complete, about))
    handler.setFormatter(_formatter(log_format, timestamps=timestamps))
    logger = logging.getLogger("bds_async")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(LEVELS[verbosity])


def event_of(record: logging.LogRecord) -> str:
    """Return the event of a record, by default the name of its logger without the package's."""
    return getattr(record, "event", None) or record.name.removeprefix("bds_async.").lower()


def _complete(about: Callable[[], About], record: logging.LogRecord) -> bool:
    """Complete the commands that a message suggests, and name the tenant. This is a filter that keeps every record."""
    known = about()
    record.msg, record.args = known.in_use.complete(record.getMessage()), None
    if known.tenant:
        record.msg = f"{known.tenant}: {record.msg}"
        record.fields = {"tenant": known.tenant, **getattr(record, "fields", {})}
    return True


class _Stderr(logging.Handler):
    """Writes to the current standard error: the live view replaces it, so that lines go above the rows."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def _formatter(log_format: str, *, timestamps: bool) -> logging.Formatter:
    if log_format == "text":
        return _Plain(timestamps=timestamps)
    from pythonjsonlogger.json import JsonFormatter

    class JsonLines(JsonFormatter):
        """Writes LogLine and the fields of the event."""

        def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
            """Fill in the keys of one line."""
            super().add_fields(log_data, record, message_dict)
            log_data |= {"level": record.levelname.lower(), "event": event_of(record)}
            fields = log_data.pop("fields", {})
            log_data |= {name: _value(value) for name, value in fields.items() if name not in log_data}

    formatter = JsonLines(
        "{asctime}{levelname}{name}{message}", style="{", rename_fields={"asctime": "time", "levelname": "level"}
    )
    formatter.converter = time.gmtime
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    return formatter


def _value(value: object) -> object:
    """Return a field in its form in every machine format."""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, float):
        return round(value, 3)
    return str(value) if isinstance(value, PurePath) else value


class _Plain(logging.Formatter):
    """Formats a message without control characters, with a mark for a warning or an error, and optionally the time."""

    def __init__(self, *, timestamps: bool) -> None:
        super().__init__()
        self._timestamps = timestamps

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a person."""
        message = "\n".join(map(printable, record.getMessage().splitlines()))
        if record.levelno >= logging.WARNING:
            message = f"bds-async: {record.levelname.lower()}: {message}"
        return f"{_time(record)} {message}" if self._timestamps else message


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"
