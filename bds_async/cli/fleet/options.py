"""The options of a tenant in a fleet file, parsed by the command line's options, which are defined only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeAlias

import click

from ...errors import ConfigError
from ...options import mirror_file
from ...runs.fleet import beside
from ...support.text import printable
from ..options.request import Request
from ..options.settings import Settings
from ..pull import pull_options
from ..sync import sync_options

FleetCommand: TypeAlias = Literal["pull", "sync"]

#: Options that are keys of a tenant instead.
_KEYS_OF_TENANT = ("to", "state")
#: Options of the commands that make no sense for one tenant among others.
_OF_ONE_RUN = ("dry_run", "json", "no_progress")


def _parser(name: FleetCommand, options: Callable[..., Any]) -> click.Command:
    parser = click.command(name)(options(lambda request: request))
    for parameter in parser.params:
        # An environment variable would apply to every tenant.
        parameter.envvar = None
    return parser


_PARSERS = {"pull": _parser("pull", pull_options), "sync": _parser("sync", sync_options)}


def request_of(command: FleetCommand, places: list[str], given: Mapping[str, Any], folder: Path, of: Settings) -> Any:
    """Return the Request of a tenant.

    `places` are the words of `--to` and `--state`; `given` are its options as in the fleet file, which is in `folder`.
    `of` gets the options for suggested commands. Raises ConfigError, whose text does not name the tenant.
    """
    parser = _PARSERS[command]
    known = {each.opts[0].removeprefix("--").replace("-", "_"): each for each in parser.params}
    words = [*places]
    for name, value in given.items():
        if name not in known or name in _KEYS_OF_TENANT:
            raise ConfigError(_unknown(name, command, list(known)))
        words += _words(known[name], name, value, folder)
    try:
        with parser.make_context(command, words, obj=of) as context:
            request: Request[Any] = parser.invoke(context)
            return request
    except click.ClickException as error:
        raise ConfigError(" ".join(error.format_message().split())) from None


def _unknown(name: str, command: FleetCommand, known: list[str]) -> str:
    what = f"{command} has no option {printable(name)!r}"
    if name in _KEYS_OF_TENANT:
        return f"{name} is a key of the tenant, beside its name, and no option."
    if near := get_close_matches(name.replace("-", "_"), known, n=1):
        return f"{what}: did you mean {near[0]}?"
    if name.replace("-", "_") in _OF_ONE_RUN:
        return f"{name} is for a single run of `bds-async {command}`: a tenant of a fleet has no such option."
    others = [other for other, parser in _PARSERS.items() if other != command and f"--{name}" in _names(parser)]
    return f"{what}: it belongs to {others[0]}." if others else f"{what}; see `bds-async {command} --help`."


def _names(parser: click.Command) -> set[str]:
    return {name.replace("-", "_").replace("__", "--", 1) for each in parser.params for name in each.opts}


def _words(option: click.Parameter, name: str, value: object, folder: Path) -> Iterator[str]:
    """Yield the words of an option on a command line."""
    if isinstance(option, click.Option) and option.is_flag:
        if not isinstance(value, bool):
            raise ConfigError(f"{name} is a flag: true or false.")
        yield from [option.opts[0]] if value else []
        return
    values = value if isinstance(value, list) and option.multiple else [value]
    for each in values:
        yield f"{option.opts[0]}={_text(option, name, each, folder)}"


def _text(option: click.Parameter, name: str, value: object, folder: Path) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(f"{name} takes one text or number{', or a list of them' if option.multiple else ''}.")
    text = _plain(name, value)
    if isinstance(option.type, click.Path) and text not in ("", "-"):
        return str(beside(folder, text, name))
    if name == "mirror" and (path := mirror_file(text)) is not None:
        return f"duckdb:{beside(folder, path, name)}"
    return text


def _plain(name: str, value: str | float) -> str:
    try:
        text = str(value)
    except ValueError:
        # Python limits the digits when it converts an integer to text.
        raise ConfigError(f"{name} is a number that is too large.") from None
    if "\0" in text:
        raise ConfigError(f"{name} contains a NUL character: remove it.")
    return text
