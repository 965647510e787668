"""The files that bds-async lives on: what a run writes for others may not take their place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..config import files_in_use
from ..errors import ConfigError
from ..workspace import Workspace
from .settings import settings


def demand_apart(path: Path, what: str, workspace: Workspace, besides: Mapping[Path, str] | None = None) -> None:
    """Raise ConfigError where a file would overwrite the config, a secret or one of those `besides`, links followed.

    Nor may it lie in the state folder.
    """
    for other, name in {**files_in_use(settings().config, os.environ), **(besides or {})}.items():
        if _are_same(path, other):
            raise ConfigError(f"The {what} {path} would overwrite {name}: name another file.")
    state, real = workspace.state, Path(os.path.realpath(path))
    if any(_are_same(place, state) for place in (real, *real.parents)):
        raise ConfigError(f"The {what} {path} would lie in {state}, where bds-async keeps its own: name another place.")


def _are_same(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    # Case may make no difference there.
    with suppress(OSError):
        return one.samefile(other)
    return False
