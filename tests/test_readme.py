"""The README: what it names exists, its two commands are one line each, and its Python runs."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import bds_async
from bds_async.cli.main import COMMANDS, cli
from bds_async.recipes import RECIPES
from tests.conftest import StartSandbox

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_its_picture_of_the_house_names_every_part() -> None:
    house = Path(bds_async.__file__).parent
    parts = {path.stem for path in house.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    named = set(re.findall(r"`(\w+)/?`", README.partition("## How it is built")[2]))
    assert parts - {"__init__"} - named == set()


def test_its_two_commands_are_one_line_each() -> None:
    assert len(re.findall(r"^python3 -m venv \.venv && .* demo$", README, re.MULTILINE)) == 1
    assert len(re.findall(r"^python3 -m venv \.venv && .* pytest .*$", README, re.MULTILINE)) == 1


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_it_names_every_recipe(recipe: str) -> None:
    assert f"`{recipe}`" in README


@pytest.mark.parametrize("command", list(COMMANDS))
def test_it_speaks_of_every_command(command: str) -> None:
    assert re.search(rf"\b{command}\b", README)


def test_the_options_that_it_names_exist() -> None:
    context = cli.make_context("bds-async", ["recipe", "cron"], resilient_parsing=True)
    commands = [cli.get_command(context, name) for name in COMMANDS]
    known = {option for command in commands if command for parameter in command.params for option in parameter.opts}
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README.partition("## Working on it")[0]))
    assert used <= known | {"--help"}


@pytest.mark.parametrize("example", re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
async def test_its_python_runs(example: str, start_sandbox: StartSandbox, tmp_path: Path) -> None:
    """In a folder with a config.json, as a reader would run it."""
    sandbox = await start_sandbox(data_sets=12)
    sandbox.write_config(tmp_path / "config.json")
    (tmp_path / "example.py").write_text(example)
    process = await asyncio.create_subprocess_exec(sys.executable, "example.py", cwd=tmp_path, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"Users (full" in out
