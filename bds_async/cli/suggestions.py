"""Commands that messages suggest, completed by the options in use, so that they run as they are printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_COMMAND = re.compile(r"`bds-async (?P<name>[a-z][a-z-]*)(?P<rest>[^`]*)`")
#: Commands that know no folder.
_WITHOUT_FOLDER = frozenset({"login", "list", "demo", "sandbox", "recipe", "report", "schema-of", "completion"})


@dataclass(frozen=True, slots=True)
class InUse:
    """Options of the command that is running, as words: those for the config, and those for the folder."""

    config: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()

    def complete(self, text: str) -> str:
        """Return a text in which each suggested command has the options in use that it lacks."""
        return _COMMAND.sub(self._completed, text) if self.config or self.folder else text

    def _completed(self, found: re.Match[str]) -> str:
        folder = () if found["name"] in _WITHOUT_FOLDER else self.folder
        words = [] if "--config" in found["rest"] else [*self.config]
        words += [] if "--to" in found["rest"] else folder
        return f"`bds-async {found['name']}{found['rest']}{' ' if words else ''}{_quoted(words)}`"


def _quoted(words: Sequence[str]) -> str:
    """Return words as the user's shell reads them."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
