"""Conversion of the library's messages to command-line terms: options, and commands that run as printed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...support.text import shell_words

_COMMAND = re.compile(r"`bds-async (?P<name>[a-z][a-z-]*)(?P<rest>[^`]*)`")
#: A parameter of the library, alone or with a value: `state`, `delete_limit=30`, `publish_as='zip'`.
_PARAMETER = re.compile(r"`(?P<name>[a-z_]+)(?:=(?P<quote>'?)(?P<value>[^'`]+)(?P=quote))?`")
#: The options of parameters, including those whose names differ.
_OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("to", "state", "data_set", "exclude", "pin_columns", "workers", "max_time", "cluster"),
        *("mirror", "schema", "keys", "rebuild", "keep_deleted", "delete_limit"),
    )
} | {"publish_as": "--as", "target": "--into"}
#: Commands that know no folder.
_WITHOUT_FOLDER = frozenset({"login", "list", "demo", "sandbox", "recipe", "report", "schema-of", "completion"})


@dataclass(frozen=True, slots=True)
class InUse:
    """Options of the running command, as words: those for the config, and those for the folder.

    In a fleet, they are the options of a tenant, whose names are keys of the fleet file.
    """

    config: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    in_fleet: bool = False

    def complete(self, text: str) -> str:
        """Replace parameters in a text with options, and add the options in use to each suggested command."""
        text = _PARAMETER.sub(_as_key if self.in_fleet else _as_option, text)
        return _COMMAND.sub(self._completed, text) if self.config or self.folder else text

    def _completed(self, found: re.Match[str]) -> str:
        folder = () if found["name"] in _WITHOUT_FOLDER else self.folder
        # A pattern may hold the name of an option; between blanks it is the option.
        words = [] if " --config " in found["rest"] else [*self.config]
        words += [] if " --to " in found["rest"] else folder
        return f"`bds-async {found['name']}{found['rest']}{' ' if words else ''}{shell_words(words)}`"


def _as_option(found: re.Match[str]) -> str:
    option = _OPTIONS.get(found["name"])
    if option is None:
        return found[0]
    return option if found["value"] is None else f"{option} {found['value']}"


def _as_key(found: re.Match[str]) -> str:
    option = _OPTIONS.get(found["name"])
    if option is None:
        return found[0]
    key = option.removeprefix("--").replace("-", "_")
    quote = '"' if found["quote"] else ""
    return f"'{key}'" if found["value"] is None else f"'{key} = {quote}{found['value']}{quote}'"
