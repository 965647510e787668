"""Usage errors with advice: near misses, options of other commands, patterns without quotes."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Sequence

import click

#: Usual names for a command or an option, and the names here.
_ALIASES = {
    "help": "--help",
    "version": "--version",
    "download": "pull",
    "fetch": "pull",
    "get": "pull",
    "update": "sync",
    "auth": "login",
    "signin": "login",
    "ls": "list",
    "status": "ledger show",
    "check": "verify",
    "init": "login",
}


def usage_text(error: click.ClickException) -> str:
    """Return the message of a usage error in one line, and the usage of its command in a second line."""
    message = _explained(error)
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return message
    path = error.ctx.command_path
    return f"{message}\n{error.ctx.get_usage()}  (more: {path} --help)"


def _explained(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        return f"No such option '{error.option_name}'{_meant(error.option_name, error.ctx)}"
    if message.startswith("No such command") and isinstance(error, click.UsageError) and error.ctx is not None:
        name = message.split("'")[1]
        return f"No such command '{name}'.{_near(name, error.ctx)}"
    if message.startswith("Got unexpected extra argument"):
        return f"{message}.{_extra(sys.argv)}"
    return message if message.endswith((".", "?")) else f"{message}."


def _near(name: str, ctx: click.Context) -> str:
    """Return the commands that a wrong name resembles, as a sentence."""
    assert isinstance(ctx.command, click.Group)
    known = ctx.command.list_commands(ctx)
    if ctx.parent is None and (meant := _ALIASES.get(name.lower())) is not None:
        return f" Did you mean {meant}?"
    if near := difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.6):
        return f" Did you mean {' or '.join(near)}?"
    return f" The commands: {', '.join(known)}."


def _meant(option: str, ctx: click.Context) -> str:
    """Suggest what a wrong option may mean, as the end of a sentence: an option of this command, or of others."""
    if near := _near_option(option, _options(ctx.command)):
        return f". Did you mean {near}?"
    if owners := _owners(option, ctx):
        return f": it belongs to {owners}."
    every = {name for _, command in _commands(ctx.find_root()) for name in _options(command)}
    near = _near_option(option, every)
    return f". Did you mean {near}? It belongs to {_owners(near, ctx)}." if near else "."


def _near_option(wrong: str, known: set[str]) -> str | None:
    """Return the only option that begins with the wrong one, or the one that differs from it by a typing error."""
    begun = [name for name in known if name.startswith(wrong) and len(wrong) > 4]
    if len(begun) == 1:
        return begun[0]
    # Without the dashes, which all options share.
    names = {name.removeprefix("--"): name for name in known if name.startswith("--")}
    near = difflib.get_close_matches(wrong.lstrip("-").lower().replace("_", "-"), names, n=1, cutoff=0.75)
    return names[near[0]] if near else None


def _owners(option: str, ctx: click.Context) -> str:
    """Return the commands that have an option, as words; empty if there is none."""
    return ", ".join(path for path, command in _commands(ctx.find_root()) if option in _options(command))


def _commands(root: click.Context) -> Iterator[tuple[str, click.Command]]:
    assert isinstance(root.command, click.Group)
    for name in root.command.list_commands(root):
        command = root.command.get_command(root, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", command.commands[inner]) for inner in command.commands)
        elif command is not None:
            yield name, command


def _options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def _extra(argv: Sequence[str]) -> str:
    """Return the advice for extra words after an option that takes only one value."""
    option = next((word for word in argv if re.fullmatch(r"--(data-set|exclude)(=.*)?", word)), None)
    if option is None:
        return ""
    return f" Repeat {option.partition('=')[0]} for each name, and put a pattern in quotes, such as 'User*'."
