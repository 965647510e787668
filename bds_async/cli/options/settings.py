"""Options of every command, before or after its name: config file, verbosity, form of the log."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from ... import __version__
from ..output.log import About, set_up_logging
from ..output.suggestions import InUse

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    """The values of the common options, and for a tenant of a fleet, its name."""

    config: Path | None = None
    verbosity: int = 0
    log_format: str = "text"
    log_timestamps: bool = False
    folder: tuple[str, ...] = ()
    tenant: str = ""

    @property
    def in_use(self) -> InUse:
        """The options that a suggested command needs to use the same config and folders."""
        config = () if self.config is None else ("--config", str(self.config))
        return InUse(config, self.folder, in_fleet=bool(self.tenant))


#: The settings of the tenant of a fleet for which a task works.
_OF_TENANT: ContextVar[Settings | None] = ContextVar("settings of a tenant", default=None)


def settings() -> Settings:
    """Return the settings of the running command, or of the tenant of a fleet for which this task works."""
    if (of_tenant := _OF_TENANT.get()) is not None:
        return of_tenant
    found: Settings = click.get_current_context().ensure_object(Settings)
    return found


@contextmanager
def working_for(tenant: Settings) -> Iterator[None]:
    """Apply the settings of a tenant inside the context, also in its tasks and threads: each log line names it."""
    token = _OF_TENANT.set(tenant)
    try:
        yield
    finally:
        _OF_TENANT.reset(token)


def common_options(function: Function) -> Function:
    """Add the common options to a command; those after its name win over those before it."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Config file [default: config.json, or BDS_CONFIG].",
    )
    @click.option("-v", "--verbose", is_flag=True, help="Log more.")
    @click.option("-q", "--quiet", is_flag=True, help="Log warnings and errors only.")
    @click.option(
        "--log-format", type=click.Choice(["text", "json"]), help="Form of the log on stderr [default: text]."
    )
    @click.option("--log-timestamps", is_flag=True, help="Begin each line of the log with the time (UTC).")
    @click.version_option(__version__, prog_name="bds-async")
    @functools.wraps(function)
    def with_common_options(
        config: Path | None,
        verbose: bool,
        quiet: bool,
        log_format: str | None,
        log_timestamps: bool,
        **arguments: Any,
    ) -> Any:
        """Set up logging and the settings, then call the command."""
        current = settings()
        current.config = config or current.config
        current.verbosity = (1 if verbose else -1) if verbose or quiet else current.verbosity
        current.log_format = log_format or current.log_format
        current.log_timestamps = log_timestamps or current.log_timestamps
        set_up_logging(current.verbosity, current.log_format, timestamps=current.log_timestamps, about=_about(current))
        return function(**arguments)

    return with_common_options  # type: ignore[return-value]


def _about(command: Settings) -> Callable[[], About]:
    """Return the function that tells the log what to add to messages."""

    def about() -> About:
        """The options and the tenant in use."""
        current = _OF_TENANT.get() or command
        return About(current.in_use, current.tenant)

    return about
