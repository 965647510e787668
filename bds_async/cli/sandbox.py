"""`bds-async sandbox`: serve the embedded tenant on loopback until stopped."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import NoReturn

import click

from ..config import problem_of
from ..errors import ConfigError, Stopped
from ..sandbox import Fault, Sandbox, SandboxSettings, load_faults
from ..support.log import event
from ..support.os_errors import reason
from ..support.running import Stop
from .help import GroupedCommand
from .options.settings import common_options
from .options.values import Number, WholeNumber
from .process.running import run

logger = logging.getLogger(__name__)


@click.command("sandbox", cls=GroupedCommand)
@click.option(
    "--port",
    type=WholeNumber(0, 65533),
    metavar="N",
    default=0,
    help="Port of the auth service; tenant and storage get the next two [default: free ports].",
)
@click.option(
    "--data-sets",
    type=WholeNumber(1, 100_000),
    default=139,
    show_default=True,
    metavar="N",
    help="Number of data sets.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    metavar="N",
    show_default=True,
    help="The same seed gives the same data.",
)
@click.option(
    "--scale",
    type=Number(0, min_open=True),
    metavar="FACTOR",
    default=1.0,
    show_default=True,
    help="Number of rows, as a factor.",
)
@click.option(
    "--write-config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a config.json for this tenant.",
)
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Misbehave as this JSON file says, by data set, request and attempt.",
)
@common_options
def command(
    *, port: int, data_sets: int, seed: int, scale: float, write_config: Path | None, faults_file: Path | None
) -> int:
    """Serve a tenant that behaves like Brightspace on three loopback addresses, until it is stopped."""
    faults = _faults(faults_file, data_sets) if faults_file is not None else ()
    if write_config is not None:
        _demand_replaceable(write_config)
    found = SandboxSettings(port=port, data_sets=data_sets, seed=seed, scale=scale, faults=faults)
    try:
        return run(lambda stop: _serve(found, write_config, stop))
    except Stopped as stopped:
        # A stop is the usual end of a sandbox, and needs no message.
        return stopped.exit_code
    except OSError as error:
        ports = f"port {port} and the two above it" if port else "free ports"
        raise ConfigError(f"The sandbox can't listen at {ports}: {reason(error)}; choose another --port.") from None


def _faults(file: Path, data_sets: int) -> tuple[Fault, ...]:
    try:
        return load_faults(file, data_sets)
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}.") from None
    except ValueError as error:
        if isinstance(fault := error.__cause__, json.JSONDecodeError):
            problem = problem_of(fault.doc, fault, "docs/sandbox.md", is_secret=False)
            raise ConfigError(f"The faults file {file} {problem}.") from None
        raise ConfigError(f"{error}.") from None


def _demand_replaceable(path: Path) -> None:
    """Raise ConfigError if a file is not a sandbox's config: another config may hold the only copy of its secrets."""
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder {path.parent} for --write-config: make it, or name another file.")
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        found = None
    address = found.get("bspace_url") if isinstance(found, dict) else None
    if not isinstance(address, str) or not address.startswith("http://127.0.0.1:"):
        raise ConfigError(f"{path} exists and is not a sandbox's config; name another file for --write-config.")


async def _serve(found: SandboxSettings, write_config: Path | None, stop: Stop) -> NoReturn:
    async with Sandbox(found) as sandbox:
        click.echo(f"tenant  {sandbox.tenant_url}")
        click.echo(f"auth    {sandbox.auth_url}")
        click.echo(f"storage {sandbox.storage_url}")
        if write_config is not None:
            await asyncio.to_thread(sandbox.write_config, write_config)
            click.echo(f"config  {write_config}")
        logger.info("Serving this tenant until Ctrl-C or SIGTERM.", extra=event("sandbox.serving"))
        await stop.obey()
