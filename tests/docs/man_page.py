"""The man page, made from the help: `python -m tests.docs.man_page > docs/bds-async.1`."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from bds_async.cli.help import EXAMPLES, name_of, tidy
from bds_async.cli.main import COMMANDS, cli


def man_page() -> str:
    """Return the page in the macros of man(7)."""
    root = click.Context(cli, info_name="bds-async", **cli.context_settings)
    purpose, streams, exit_codes = inspect.cleandoc(cli.help or "").split("\n\n", 2)
    purpose = " ".join(purpose.split())
    return "\n".join(
        [
            '.TH BDS-ASYNC 1 "" bds-async "User Commands"',
            ".SH NAME",
            f"bds\\-async \\- {_text(purpose[0].lower() + purpose[1:].rstrip('.'))}",
            *(".SH SYNOPSIS", ".B bds\\-async", "[OPTIONS] COMMAND [ARGS]..."),
            *(".SH DESCRIPTION", _text(purpose), ".PP", _text(streams)),
            *(".SH OPTIONS", "Before or after the command:", *_options(root)),
            ".SH COMMANDS",
            *(line for context in _contexts(root) for line in _command(context)),
            *(".SH EXIT STATUS", *_as_it_is(exit_codes.splitlines()[2:])),
            *(".SH FILES", ".TP", ".I config.json", "The config file; the variable BDS_CONFIG names another one."),
            "",
        ]
    )


def _contexts(root: click.Context) -> Iterator[click.Context]:
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        context = click.Context(command, root, name)
        inner = command.commands if isinstance(command, click.Group) else {}
        yield from (click.Context(each, context, name) for name, each in inner.items()) if inner else (context,)


def _command(context: click.Context) -> Iterator[str]:
    usage = " ".join(context.command.collect_usage_pieces(context))
    yield from (f".SS {_text(name_of(context))}", f".B bds\\-async {_text(name_of(context))}", _text(usage), ".PP")
    paragraphs = (_text(" ".join(each.split())) for each in inspect.cleandoc(context.command.help or "").split("\n\n"))
    yield "\n.PP\n".join(paragraphs)
    yield from _options(context)
    yield from (".PP", "Examples:", *_as_it_is(f"bds-async {each}" for each in EXAMPLES[name_of(context)]))


def _options(context: click.Context) -> Iterator[str]:
    """Yield the options of a command; those that all commands share appear only at the program."""
    shared = {option.opts[0] for option in cli.params} | {"-h"} if context.parent is not None else set()
    for option in context.command.get_params(context):
        record = option.get_help_record(context)
        if record is not None and option.opts[0] not in shared:
            yield from (".TP", f".B {_text(record[0])}", _text(tidy(record[1])))


def _as_it_is(lines: Iterator[str] | list[str]) -> Iterator[str]:
    yield from (".RS 4", ".nf", *map(_escaped, lines), ".fi", ".RE")


def _text(words: str) -> str:
    """Return a paragraph in lines of at most 80 columns."""
    return "\n".join(map(_escaped, textwrap.wrap(words, 70, break_long_words=False, break_on_hyphens=False)))


def _escaped(line: str) -> str:
    return re.sub(r"^([.'])", r"\\&\1", line.replace("\\", "\\e").replace("-", "\\-"))


if __name__ == "__main__":
    print(man_page(), end="")
