"""The files that bds-async needs itself: an output file may not replace one of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..config import files_in_use
from ..errors import ConfigError
from ..workspace import Workspace
from .settings import settings


def demand_apart(path: Path, what: str, workspace: Workspace | None, others: Mapping[Path, str] | None = None) -> None:
    """Raise ConfigError if an output file is the config, a secret, one of `others`, or in the workspace's state folder.

    Links are followed. `what` names the output file in the message.
    """
    for other, name in {**files_in_use(settings().config, os.environ), **(others or {})}.items():
        if _are_same(path, other):
            raise ConfigError(f"The {what} {path} would overwrite {name}: name another file.")
    if workspace is None:
        return
    state, real = workspace.state, Path(os.path.realpath(path))
    if any(_are_same(place, state) for place in (real, *real.parents)):
        raise ConfigError(f"The {what} {path} would be in {state}, the folder of bds-async's own files: name another.")


def _are_same(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    # The file system may ignore case.
    with suppress(OSError):
        return one.samefile(other)
    return False
