"""docs/mirror.md: the options that it names exist, its examples run, and it names everything that a user sees."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

from bds_async import SyncOptions, sync
from bds_async.cli.main import COMMANDS, cli
from bds_async.config import Config
from bds_async.watching.metrics import METRICS
from tests.conftest import StartSandbox

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "mirror.md").read_text("utf-8")
#: Soon after the fulls of the sandbox, so that there are few extracts.
SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: Options of other programs: DuckDB's and BigQuery's.
FOREIGN = {"--source_format"}
JOIN, LIBRARY = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def options_of(*names: str) -> set[str]:
    context = cli.make_context("bds-async", ["recipe", "cron"], resilient_parsing=True)
    commands = [cli.get_command(context, name) for name in names]
    return {option for command in commands if command for parameter in command.params for option in parameter.opts}


def test_the_options_that_it_names_exist() -> None:
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z_-]+", DOCUMENT)) - FOREIGN
    assert used <= options_of(*COMMANDS)


def test_it_names_each_option_of_the_mirror() -> None:
    own = options_of("mirror") - options_of("sync") | {"--mirror", "--mirror-schema", "--delete-limit"}
    assert [option for option in sorted(own) if option not in DOCUMENT] == []


def test_the_metrics_that_it_names_exist() -> None:
    named = re.findall(r"`(bds_async_[a-z_]+)…?`", DOCUMENT)
    assert named
    assert all(any(metric.startswith(name) for metric in METRICS) for name in named)


async def test_its_python_runs(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    """In a folder with a delivered `bds-data` and its mirror, as a reader would run it."""
    sandbox = await start_sandbox(data_sets=2, now=SUNDAY)
    sandbox.write_config(tmp_path / "config.json")
    folder = tmp_path / "bds-data"
    config, mirror = Config.load(tmp_path / "config.json", {}), f"duckdb:{folder / 'mirror.duckdb'}"
    await sync(config, folder, SyncOptions(mirror=mirror))
    for example in (JOIN, LIBRARY):
        command = [sys.executable, "-c", example]
        process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=PIPE, stderr=PIPE)
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert b"users" in out
