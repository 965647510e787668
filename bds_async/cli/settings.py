"""Options that every command takes, before or after its name: config file, verbosity, form of the log."""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    """What the common options say."""

    config: Path | None = None
    verbosity: int = 0
    log_format: str = "text"


def settings() -> Settings:
    """The settings of the command that is running."""
    found: Settings = click.get_current_context().ensure_object(Settings)
    return found


def common_options(function: Function) -> Function:
    """Give a command the common options; those after the command win over those before."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Config file [default: config.json, or BDS_CONFIG].",
    )
    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @click.option("-q", "--quiet", is_flag=True, help="Say warnings and errors only.")
    @click.option(
        "--log-format", type=click.Choice(["text", "json"]), help="Form of what goes to stderr [default: text]."
    )
    @functools.wraps(function)
    def with_common_options(
        config: Path | None, verbose: bool, quiet: bool, log_format: str | None, **arguments: Any
    ) -> Any:
        current = settings()
        current.config = config or current.config
        current.verbosity = (1 if verbose else -1) if verbose or quiet else current.verbosity
        current.log_format = log_format or current.log_format
        set_up_logging(current)
        return function(**arguments)

    return with_common_options  # type: ignore[return-value]


def set_up_logging(current: Settings) -> None:
    """Send the program's log to stderr, as text or as one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(current.log_format))
    log = logging.getLogger("bds_async")
    log.handlers = [handler]
    log.propagate = False
    log.setLevel({-1: logging.WARNING, 0: logging.INFO, 1: logging.DEBUG}[current.verbosity])


def _formatter(log_format: str) -> logging.Formatter:
    if log_format == "text":
        return _Plain()
    from pythonjsonlogger.json import JsonFormatter

    formatter = JsonFormatter(
        "{asctime}{levelname}{name}{message}", style="{", rename_fields={"asctime": "time", "levelname": "level"}
    )
    formatter.converter = time.gmtime
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    return formatter


class _Plain(logging.Formatter):
    """The message alone; what is a warning or worse says so."""

    def format(self, record: logging.LogRecord) -> str:
        """As a person reads it."""
        message = record.getMessage()
        return message if record.levelno < logging.WARNING else f"bds-async: {record.levelname.lower()}: {message}"
