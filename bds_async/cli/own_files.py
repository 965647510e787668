"""The files that bds-async needs itself: an output file may not replace one of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..config import files_in_use
from ..errors import ConfigError
from ..workspace import Workspace
from .settings import settings

#: How a file begins that no output replaces: SQLite, zip, Parquet; DuckDB's mark follows a checksum.
_DATA = re.compile(rb"SQLite format 3|PK|PAR1|.{8}DUCK", re.DOTALL)


def demand_apart(path: Path, what: str, workspace: Workspace | None, others: Mapping[Path, str] | None = None) -> None:
    """Raise ConfigError if an output file would replace data, the config, a secret, one of `others` or own files.

    Own files are those in the workspace's state folder. Links are followed. `what` names the output in the message.
    """
    for other, name in {**files_in_use(settings().config, os.environ), **(others or {})}.items():
        if _are_same(path, other):
            raise ConfigError(f"The {what} {path} would overwrite {name}: name another file.")
    if _holds_data(path):
        raise ConfigError(f"The {what} {path} would overwrite a database, a zip or a table: name another file.")
    if workspace is None:
        return
    state, real = workspace.state, Path(os.path.realpath(path))
    if any(_are_same(place, state) for place in (real, *real.parents)):
        raise ConfigError(f"The {what} {path} would be in {state}, the folder of bds-async's own files: name another.")


def _holds_data(path: Path) -> bool:
    """Whether a regular file is there that may be a published file, a ledger or a mirror."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return path.suffix.lower() == ".csv" or _DATA.match(file.read(16)) is not None
    return False


def _are_same(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    # The file system may ignore case.
    with suppress(OSError):
        return one.samefile(other)
    return False
