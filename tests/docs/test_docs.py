"""The user's guide: its links are valid, what it names exists, its Python runs."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import bds_async
from bds_async import errors, events
from bds_async.cli.main import COMMANDS, cli
from bds_async.cli.schema_of import FORMATS
from bds_async.config import KEYS
from bds_async.sandbox.faults.model import SELECTORS
from bds_async.sandbox.faults.specs import SPECS
from tests.conftest import StartSandbox
from tests.docs.man_page import man_page

ROOT = Path(__file__).parents[2]
#: Pages that exist only in the site: they show a file of the root.
OF_THE_SITE = ("index.md", "changelog.md")
PAGES = {
    path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in OF_THE_SITE
}
GUIDE = {name: text for name, text in PAGES.items() if name not in ("CONTRIBUTING.md", "SECURITY.md")}
EXAMPLES = [
    example
    for page in ("library.md", "sandbox.md")
    for example in re.findall(r"^```python\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)
]


def named_commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli, info_name="bds-async")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


def every_command() -> Iterator[click.Command]:
    yield cli
    yield from (command for _, command in named_commands())


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}" for name in PAGES)])
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert [link for link in links if not ((ROOT / page).parent / link).is_file()] == []


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in PAGES if f"](docs/{name})" not in readme] == []


@pytest.mark.parametrize("page", GUIDE)
def test_every_option_and_command_that_a_page_names_exists(page: str) -> None:
    known = {option for command in every_command() for parameter in command.params for option in parameter.opts}
    # Command lines of other programs have their own options.
    text = re.sub(r"^(python -m tests\.|dask )(.*\\\n)*.*$", "", GUIDE[page], flags=re.MULTILINE)
    # An option with an underscore belongs to another program.
    used = {option for option in re.findall(r"(?<![\w-])--[a-z][a-z_-]+", text) if "_" not in option}
    assert used - known - {"--help"} == set()
    commands = set(re.findall(r"bds-async ([a-z][a-z-]*)(?![\w/.])", "\n".join(re.findall(r"`[^`]+`", GUIDE[page]))))
    assert commands - {*COMMANDS} == set()


def test_the_page_on_configuration_names_every_key() -> None:
    assert [key for key in KEYS.all if f"`{key}`" not in PAGES["configuration.md"]] == []


def test_the_guide_names_every_option() -> None:
    options = {parameter.opts[0] for command in every_command() for parameter in command.params}
    text = "\n".join(GUIDE.values())
    missing = [each for each in sorted(options) if each.startswith("--") and not re.search(rf"`[^`]*{each}\b", text)]
    assert missing == []


#: Options that several commands have, and that the page explains once.
SHARED = {
    *("--to", "--state", "--data-set", "--exclude", "--verify", "--workers", "--attempts", "--stall-timeout"),
    *("--limit-rate", "--max-time", "--report", "--html", "--no-progress"),
}


def rows_of(table: str) -> dict[str, set[str]]:
    """The options that each row of the table under a line names, by the command in its first cell."""
    rows = re.findall(r"^\| `([a-z -]+)(.*)", table, re.MULTILINE)
    return {name.strip(): {*re.findall(r"--[a-z][a-z-]+", cells)} for name, cells in rows}


def test_the_page_on_configuration_has_every_option_of_every_command_and_no_other() -> None:
    runs, others = PAGES["configuration.md"].split("### The options of a run\n")[1].split("\nOther commands")
    shown = rows_of(others)
    common = {option for parameter in cli.params for option in parameter.opts}
    for path, command in named_commands():
        own = {parameter.opts[0] for parameter in command.params if isinstance(parameter, click.Option)} - common
        if path in ("pull", "sync"):
            assert own - {*re.findall(r"--[a-z][a-z-]+", runs)} == set(), path
        else:
            assert own - SHARED - shown.get(path, set()) == set(), path
            assert shown.get(path, set()) - own == set(), path


def test_the_page_on_exit_codes_has_every_code_of_an_error() -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BdsError)]
    codes = {str(kind.exit_code) for kind in classes}
    assert codes <= set(re.findall(r"^\| (\d+) \|", PAGES["exit-codes.md"], re.MULTILINE))


def test_the_page_on_machine_formats_names_every_format() -> None:
    assert set(FORMATS) == set(re.findall(r"^\| `([a-z-]+)` \|", PAGES["machine-formats.md"], re.MULTILINE))


def test_the_page_on_the_sandbox_names_every_fault_and_key() -> None:
    assert [name for name in (*SPECS, *SELECTORS) if f"`{name}`" not in PAGES["sandbox.md"]] == []


def test_the_page_on_the_library_names_every_event_and_only_public_names() -> None:
    kinds = {name for name, kind in vars(events).items() if getattr(kind, "__module__", "") == events.__name__}
    public = kinds & {*bds_async.__all__}
    assert [name for name in sorted(public) if f"`{name}`" not in PAGES["library.md"]] == []


def test_the_man_page_is_the_text_of_the_help() -> None:
    assert (ROOT / "docs" / "bds-async.1").read_text("utf-8") == man_page(), "python -m tests.docs.man_page"


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man")
def test_man_accepts_the_page() -> None:
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFSEQ": ""}
    command = ["man", "--warnings", "-l", str(ROOT / "docs" / "bds-async.1")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert [name for name in ("NAME", "COMMANDS", "EXIT STATUS") if f"\n{name}\n" not in done.stdout] == []


#: Runs the example in each folder, in one process, whose imports take longer than the examples.
IN_EACH_FOLDER = """
import os, runpy, sys
for folder in sys.argv[1:]:
    os.chdir(folder)
    print(f"{folder}:", flush=True)
    runpy.run_path("example.py", run_name="__main__")
"""


async def test_the_python_of_the_pages_runs(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    """Each example runs in a folder with a config.json, as a reader would run it, and prints something."""
    sandbox = await start_sandbox(data_sets=12, scale=0.01)
    for number, example in enumerate(EXAMPLES):
        folder = tmp_path / str(number)
        folder.mkdir()
        sandbox.write_config(folder / "config.json")
        (folder / "example.py").write_text(example)
    folders = [str(tmp_path / str(number)) for number in range(len(EXAMPLES))]
    command = [sys.executable, "-c", IN_EACH_FOLDER, *folders]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b""), out
    lines = out.decode().splitlines()
    starts = [lines.index(f"{folder}:") for folder in folders]
    ends = [*starts[1:], len(lines)]
    assert [lines[start + 1 : end] for start, end in zip(starts, ends, strict=True)].count([]) == 0
