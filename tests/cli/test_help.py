"""Help: every option once, in groups, with examples that parse; it fits a page."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from bds_async.cli.help import EXAMPLES
from bds_async.cli.main import COMMANDS, cli
from tests.support.commands import bds

ROOT = click.Context(cli, info_name="bds-async")
#: Lines of a long page.
LONGEST = 66


def command_of(name: str) -> click.Command:
    command = cli.get_command(ROOT, name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", list(EXAMPLES))
async def test_each_option_is_shown_once_and_the_help_fits_a_page(name: str) -> None:
    shown = (await bds(name, "--help", COLUMNS="80")).out
    options = [option.opts[0] for option in command_of(name).params if isinstance(option, click.Option)]
    for option in options:
        assert len(re.findall(rf"(?:^  |, |: ){re.escape(option)}(?![\w-])", shown, re.MULTILINE)) == 1, option
    assert len(shown.splitlines()) <= LONGEST
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_it_ends_with_two_examples_that_parse(name: str) -> None:
    assert len(EXAMPLES[name]) == 2
    for example in EXAMPLES[name]:
        first, *words = shlex.split(example)
        assert first == name
        command_of(name).make_context(name, words, parent=ROOT)


def test_every_command_without_subcommands_has_examples() -> None:
    assert set(EXAMPLES) == {name for name in COMMANDS if not isinstance(command_of(name), click.Group)}
