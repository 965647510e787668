"""Help: every option once, in groups, with examples that parse; it fits a screen."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from bds_async.cli.help import EXAMPLES
from bds_async.cli.main import COMMANDS, cli

ROOT = click.Context(cli, info_name="bds-async", **cli.context_settings)
#: A screen.
COLUMNS, LINES = 80, 40


def command_of(path: str) -> click.Command:
    if not path:
        return cli
    name, _, inner = path.partition(" ")
    command = cli.get_command(ROOT, name)
    assert command is not None
    return command.commands[inner] if isinstance(command, click.Group) and inner else command


def help_of(path: str) -> str:
    context = ROOT
    for name in path.split():
        context = click.Context(command_of(f"{context.info_name} {name}".removeprefix("bds-async ")), context, name)
    context.terminal_width = COLUMNS - 2  # as click leaves it
    return context.get_help()


def paths() -> Iterator[str]:
    for name in COMMANDS:
        command = command_of(name)
        yield from (f"{name} {inner}" for inner in command.commands) if isinstance(command, click.Group) else (name,)


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_each_option_is_shown_once_and_the_help_fits_a_screen(name: str) -> None:
    """Only the help of the program shows `--version`, which every command has."""
    shown = help_of(name)
    options = [option.opts[0] for option in command_of(name).params if isinstance(option, click.Option)]
    assert "--version" in options
    assert "--version" not in shown
    assert "--version" in help_of("")
    for option in set(options) - {"--version"}:
        assert len(re.findall(rf"(?:^  |, |: ){re.escape(option)}(?![\w-])", shown, re.MULTILINE)) == 1, option
    assert len(shown.splitlines()) <= LINES
    assert all(len(line) <= COLUMNS for line in shown.splitlines())


@pytest.mark.parametrize("name", ["", "ledger"])
def test_the_help_of_a_group_fits_a_screen_and_leads_to_each_command(name: str) -> None:
    shown = help_of(name)
    group = command_of(name)
    assert isinstance(group, click.Group)
    assert [inner for inner in group.list_commands(ROOT) if f"\n  {inner} " not in shown] == []
    assert len(shown.splitlines()) <= LINES


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_it_ends_with_two_examples_that_parse(name: str) -> None:
    assert len(EXAMPLES[name]) == 2
    for example in EXAMPLES[name]:
        words = shlex.split(example)
        length = len(name.split())
        assert words[:length] == name.split()
        command_of(name).make_context(name, words[length:], parent=ROOT)


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == {*paths()}
