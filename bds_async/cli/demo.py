"""`bds-async demo`: run a pull against the embedded tenant, without an account or a network."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from ..api import pull
from ..config import Config
from ..events import Observer
from ..options import PullOptions
from ..report import RunReport
from ..runs.run import Save
from ..sandbox import Sandbox, SandboxSettings
from ..support.running import Stop
from ..workspace import workspace_of
from .help import GroupedCommand
from .options.selection import watching_options
from .options.settings import common_options
from .options.values import FolderPath
from .output.report_files import ReportFiles
from .output.watching import all_of, observing, savers
from .process.running import run


@click.command("demo", cls=GroupedCommand)
@click.option(
    "--to",
    type=FolderPath(),
    metavar="DIR",
    help="Where extracts land [default: a new temporary folder].",
)
@watching_options
@common_options
def command(to: Path | None, files: ReportFiles, *, no_progress: bool) -> int:
    """Pull everything from an embedded tenant that behaves like Brightspace."""
    folder = to or Path(tempfile.mkdtemp(prefix="bds-async-demo-"))
    workspace = workspace_of(folder)
    with observing(workspace, no_progress=no_progress) as observer:
        result = run(lambda stop: _demo(folder, observer, stop, all_of(savers(workspace, stop, files))))
    click.echo(folder)
    return result.exit_code


async def _demo(folder: Path, observer: Observer, stop: Stop, save: Save) -> RunReport:
    async with Sandbox(SandboxSettings()) as sandbox:
        with tempfile.TemporaryDirectory(prefix="bds-async-") as home:
            config_file = Path(home) / "config.json"
            sandbox.write_config(config_file)
            return await pull(
                Config.load(config_file, {}), folder, PullOptions(), observer=observer, stop=stop, save=save
            )
