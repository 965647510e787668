"""`bds-async sandbox`: serve the embedded tenant on loopback until stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..running import Stop
from ..sandbox import Sandbox, SandboxSettings
from .running import run
from .settings import common_options


@click.command("sandbox")
@click.option(
    "--port",
    type=click.IntRange(0, 65533),
    default=0,
    help="Auth service at this port, tenant and storage at the next two [default: free ones].",
)
@click.option(
    "--data-sets", type=click.IntRange(1, 100_000), default=139, show_default=True, help="How many data sets it has."
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="The same seed gives the same data.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Multiplies the number of rows.",
)
@click.option(
    "--write-config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a config.json that a client can use at once.",
)
@common_options
def command(port: int, data_sets: int, seed: int, scale: float, write_config: Path | None) -> int:
    """Serve a tenant that behaves like Brightspace on three loopback addresses, until it is stopped."""
    found = SandboxSettings(port=port, data_sets=data_sets, seed=seed, scale=scale)
    run(lambda stop: _serve(found, write_config, stop))
    return 0


async def _serve(found: SandboxSettings, write_config: Path | None, stop: Stop) -> None:
    async with Sandbox(found) as sandbox:
        click.echo(f"tenant  {sandbox.tenant_url}")
        click.echo(f"auth    {sandbox.auth_url}")
        click.echo(f"storage {sandbox.storage_url}")
        if write_config is not None:
            await asyncio.to_thread(sandbox.write_config, write_config)
            click.echo(f"config  {write_config}")
        await stop.requested()
