"""The record of the Basic convention that the auth service accepts, kept beside the token's file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ...support.own_files import read_own, write_own

#: Upper bound in bytes for the content of the record.
_LONGEST = 100


class ConventionRecord:
    """A file with the name of the convention. Losing it costs one refused request."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home.with_name(f"{home.name}.basic")

    def read(self) -> str | None:
        """The recorded name, None if there is none."""
        with suppress(OSError):
            return read_own(self._path, _LONGEST).decode("ascii", "replace").strip()
        return None

    def write(self, name: str) -> None:
        """Record the name; a file that can't be written is left as it is."""
        with suppress(OSError):
            write_own(self._path, f"{name}\n".encode(), like=self._home)
