"""A command that pauses before one of its functions, until a test lets it go on.

`PAUSE_AT` names the function (`bds_async.runs.run:measure`), `PAUSE_IN` a folder. When the function is called, `paused`
appears in the folder; the call continues when `go-on` exists.
"""

from __future__ import annotations

import importlib
import os
import time
from functools import wraps
from pathlib import Path
from typing import Any


class Pause:
    """The pause of one command, from the side of its test."""

    def __init__(self, folder: Path, at: str) -> None:
        self.folder = folder
        self.environ = {"PAUSE_AT": at, "PAUSE_IN": str(folder)}
        folder.mkdir()

    @property
    def is_reached(self) -> bool:
        """Whether the command has reached the function."""
        return (self.folder / "paused").exists()

    def end(self) -> None:
        """Let the command continue."""
        (self.folder / "go-on").touch()


def pause(at: str, folder: Path) -> None:
    """Wrap the function, in the process of the command."""
    module_name, name = at.split(":")
    module = importlib.import_module(module_name)
    original = getattr(module, name)

    @wraps(original)
    def paused(*arguments: Any, **named: Any) -> Any:
        (folder / "paused").touch()
        while not (folder / "go-on").exists():
            time.sleep(0.01)
        return original(*arguments, **named)

    setattr(module, name, paused)


def pause_if_asked() -> None:
    """Pause if the environment asks for it."""
    if at := os.environ.get("PAUSE_AT"):
        pause(at, Path(os.environ["PAUSE_IN"]))
