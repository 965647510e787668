"""The real command in a separate process, against the sandbox: output, exit codes, messages."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bds_async import __version__
from bds_async.cli.main import COMMANDS
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import bds, starting_afresh


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[Path]:
    """The config of a small running sandbox."""
    async with Sandbox(SandboxSettings(data_sets=4, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        yield tmp_path / "config.json"


async def test_version_is_one_line() -> None:
    async with starting_afresh("--version") as running:
        done = await running.ends()
    assert done.out == f"bds-async, version {__version__}\n"


@pytest.mark.parametrize("command", [*COMMANDS, "ledger show", "ledger rebuild"])
async def test_it_may_follow_the_command(command: str) -> None:
    done = await bds(*command.split(), "--version")
    assert (done.code, done.out, done.err) == (0, f"bds-async, version {__version__}\n", "")


@pytest.mark.parametrize("option", ["--version", "--help"])
async def test_version_and_help_import_nothing_heavy(option: str) -> None:
    script = f"import sys; sys.argv = ['x', {option!r}]\nfrom bds_async.cli.main import main\n"
    script += "try: main()\nexcept SystemExit: pass\n"
    script += "print(sorted({'aiohttp', 'pydantic', 'rich', 'sqlite3'} & set(sys.modules)))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().splitlines()[-1] == "[]"


async def test_pull_then_pull_again(config: Path, tmp_path: Path) -> None:
    report_file = tmp_path / "run.json"
    first = await bds("pull", "--config", config, "--to", tmp_path / "to", "--report", report_file)
    assert (first.code, first.out) == (0, "")
    assert "4 downloaded" in first.err
    report = json.loads(report_file.read_text("utf-8"))
    assert report["totals"]["downloaded"] == report["totals"]["planned"] == 4
    second = await bds("--config", config, "pull", "--to", tmp_path / "to", "-q")
    assert (second.code, second.out, second.err) == (0, "", "")


async def test_options_after_the_command_win_over_those_before(config: Path, tmp_path: Path) -> None:
    done = await bds("--config", tmp_path / "nothing.json", "list", "--config", config)
    assert done.code == 0


async def test_list_shows_a_line_for_each_data_set(config: Path) -> None:
    done = await bds("list", "--config", config)
    assert done.code == 0
    assert re.search(r"^User Enrollments +2026|^User Enrollments +\d{4}-", done.out, re.MULTILINE)
    assert done.out.splitlines()[-1] == "4 data sets."


async def test_list_json_names_every_extract_and_no_link(config: Path) -> None:
    done = await bds("list", "--json", "--config", config, "--data-set", "Users")
    (document,) = map(json.loads, done.out.splitlines())
    assert document["data_set"] == "Users"
    assert {entry["bds_type"] for entry in document["extracts"]} == {"Full", "Differential"}
    assert "http" not in done.out


async def test_dry_run_prints_the_plan_and_makes_nothing(config: Path, tmp_path: Path) -> None:
    done = await bds("pull", "--dry-run", "--config", config, "--to", tmp_path / "to")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("4 to fetch, ")
    lines = (await bds("pull", "--dry-run", "--json", "--config", config, "--to", tmp_path / "to")).out.splitlines()
    assert {json.loads(line)["action"] for line in lines} == {"fetch"}
    assert not (tmp_path / "to").exists()
    files = ("--report", tmp_path / "r", "--html", tmp_path / "h")
    warned = await bds("pull", "--dry-run", *files, "--config", config, "--to", tmp_path / "to")
    assert warned.err.count("--dry-run writes no report") == 2
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "h").exists()


async def test_since_takes_moments_with_and_without_a_zone(config: Path, tmp_path: Path) -> None:
    common = ("pull", "--dry-run", "--json", "--type", "all", "--config", config, "--to", tmp_path / "to")
    bare = await bds(*common, "--since", "2020-01-01")
    zoned = await bds(*common, "--since", "2999-01-01T00:00:00+02:00")
    assert len(bare.out.splitlines()) > 4
    assert (zoned.code, zoned.out) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "--data-set", "Usres"), "did you mean 'Users'"),
        (("pull", "--workers", "65"), "1<=x<=64"),
        (("pull", "--since", "yesterday"), "ISO 8601"),
        (("pull", "--json"), "--dry-run"),
        (("pull", "--report", "/nowhere/at/all/run.json"), "/nowhere/at/all"),
        (("pull", "--as", "xlsx"), "'zip', 'csv'"),
        (("nonsense",), "nonsense"),
    ],
)
async def test_wrong_usage_is_exit_2_in_a_line_or_two(
    config: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = await bds("--config", config, *arguments, cwd=tmp_path)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


async def test_without_a_config_the_error_names_every_missing_key(tmp_path: Path) -> None:
    done = await bds("list", cwd=tmp_path)
    assert done.code == 2
    assert all(key in done.err for key in ("bspace_url", "client_id", "client_secret", "refresh_token"))


async def test_json_logs_are_one_object_a_line(config: Path, tmp_path: Path) -> None:
    done = await bds("pull", "--log-format", "json", "--config", config, "--to", tmp_path / "to")
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert {"time", "level", "message"} <= set(lines[0])
    error = await bds("list", "--log-format", "json", "--config", config, "--data-set", "Usres")
    assert json.loads(error.err)["level"] == "error"


@pytest.mark.parametrize("asked", [["--log-format", "json"], ["--log-format=json"]])
@pytest.mark.parametrize("wrong", [["pull", "--nonsense"], ["pull", "--workers", "65"], ["nonsense"]])
async def test_a_usage_error_is_a_line_of_json_too_wherever_that_was_asked_for(
    asked: list[str], wrong: list[str]
) -> None:
    for words in ([*asked, *wrong], [*wrong, *asked]):
        done = await bds(*words)
        assert (done.code, done.out) == (2, "")
        (line,) = done.err.splitlines()
        told = json.loads(line)
        assert told["level"] == "error"
        assert wrong[-1] in told["message"]


@pytest.mark.parametrize("asked", [[], ["--log-format", "text"], ["--log-format"]])
async def test_a_usage_error_shows_the_usage_otherwise(asked: list[str]) -> None:
    done = await bds("pull", "--nonsense", *asked)
    assert done.code == 2
    assert done.err.startswith("bds-async: error: ")
    assert done.err.splitlines()[1].startswith("Usage: bds-async pull")


@pytest.mark.parametrize("command", ["pull", "list", "demo", "sandbox"])
async def test_every_command_explains_itself(command: str) -> None:
    done = await bds(command, "--help")
    assert done.code == 0
    assert "--config" in done.out


async def test_a_report_goes_into_what_is_no_plain_file_and_leaves_it_what_it_was(config: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = asyncio.create_task(asyncio.to_thread((tmp_path / "pipe").read_text, "utf-8"))
    done = await bds("pull", "--config", config, "--to", tmp_path / "to", "--report", tmp_path / "pipe")
    assert done.code == 0
    assert json.loads(await reader)["totals"]["downloaded"] == 4
    assert (tmp_path / "pipe").is_fifo()
    to_stdout = await bds("pull", "--config", config, "--to", tmp_path / "to", "--report", "/dev/stdout")
    assert json.loads(to_stdout.out)["totals"]["skipped"] == 4


@pytest.mark.parametrize("option", [("--max-time", "nan"), ("--stall-timeout", "nan"), ("--to", "")])
async def test_values_that_mean_nothing_are_refused(config: Path, option: tuple[str, str]) -> None:
    assert (await bds("pull", "--config", config, *option)).code == 2


async def test_a_report_into_a_pipe_that_nobody_reads_ends_the_run(config: Path, tmp_path: Path) -> None:
    """The fetched files are still published."""
    os.mkfifo(tmp_path / "pipe")
    done = await bds("pull", "--config", config, "--to", tmp_path / "to", "--report", tmp_path / "pipe")
    assert (done.code, "it has no reader" in done.err) == (6, True)
    assert len(list((tmp_path / "to").rglob("*.zip"))) == 4


@pytest.mark.parametrize("words", [(), ("ledger",)], ids=["alone", "ledger"])
async def test_a_group_without_a_command_shows_its_help(words: tuple[str, ...]) -> None:
    done = await bds(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(" ".join(("Usage: bds-async", *words)))
    assert "\nCommands:\n" in done.err
