"""The files that bds-async itself needs: no output file may replace one of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from ...config import files_in_use
from ...errors import ConfigError
from ...workspace import Workspace
from ..options.settings import settings

#: Beginnings of files that no output replaces: SQLite, zip, Parquet; DuckDB's magic bytes follow a checksum.
_DATA = re.compile(rb"SQLite format 3|PK|PAR1|.{8}DUCK", re.DOTALL)
#: The identity of a file under any of its names: the resolved path, or the device and inode numbers.
Identity: TypeAlias = str | tuple[int, int]


class OwnFiles:
    """Files, with descriptions, that no output file may replace, and state folders that none may be in."""

    def __init__(self) -> None:
        self._files: dict[Identity, str] = {}
        self._states: dict[Identity, Path] = {}

    def add(self, files: Mapping[Path, str]) -> None:
        """Add files; one that already has a description keeps it."""
        for path, name in files.items():
            for each in identities(path):
                self._files.setdefault(each, name)

    def add_state(self, state: Path) -> None:
        """Add a state folder."""
        self._states |= dict.fromkeys(identities(state), state)

    def demand_apart(self, path: Path, what: str) -> None:
        """Raise ConfigError if an output (named `what`) would replace one of them or data, or be in a state folder."""
        for each in identities(path):
            if each in self._files:
                raise ConfigError(f"The {what} {path} would overwrite {self._files[each]}: name another file.")
        if _holds_data(path):
            raise ConfigError(f"The {what} {path} would overwrite a database, a zip or a table: name another file.")
        real = Path(os.path.realpath(path))
        for state in (self._states.get(each) for place in (real, *real.parents) for each in identities(place)):
            if state is not None:
                raise ConfigError(
                    f"The {what} {path} would be in {state}, the folder of bds-async's own files: name another."
                )


def demand_apart(path: Path, what: str, workspace: Workspace | None, others: Mapping[Path, str] | None = None) -> None:
    """Raise ConfigError if an output file would replace data, the config, a secret, one of `others` or own files.

    Own files are those in the workspace's state folder. Links are followed. `what` names the output in the message.
    """
    own = OwnFiles()
    own.add(files_in_use(settings().config, os.environ))
    own.add(others or {})
    if workspace is not None:
        own.add_state(workspace.state)
    own.demand_apart(path, what)


def _holds_data(path: Path) -> bool:
    """Whether a regular file is there that may be a published file, a ledger or a mirror."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return path.suffix.lower() == ".csv" or _DATA.match(file.read(16)) is not None
    return False


def identities(path: Path) -> Iterator[Identity]:
    """Yield the identities of a path, with links followed."""
    yield os.path.realpath(path)
    # The file system may ignore case.
    with suppress(OSError):
        found = path.stat()
        yield found.st_dev, found.st_ino
