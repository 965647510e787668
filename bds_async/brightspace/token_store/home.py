"""The files that can hold a refresh token: config.json or `token_file`."""

from __future__ import annotations

import errno
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...config import damage_in, is_absent, parse_object, with_refresh_token
from ...errors import ConfigError, DestinationError
from ...support import durable
from ...support.file_locks import CannotLock
from ...support.limits import machine_limit
from ...support.os_errors import cause
from ...support.own_files import read_own
from ...support.reading import LONGEST

_LOCAL = "Set token_file (or BDS_TOKEN_FILE) to a file on a local disk."


class Home(ABC):
    """A file that holds the refresh token; every symbolic link in its path is resolved."""

    way_out = "Set token_file (or BDS_TOKEN_FILE) to a file in a folder that can be written."

    def __init__(self, path: Path) -> None:
        # Before Python 3.13, Path.resolve() raises RuntimeError if links form a loop.
        self.path = Path(os.path.realpath(path))

    @abstractmethod
    def token_in(self, content: bytes) -> str | None:
        """The token in the file's content, None if there is none; raises ConfigError for a damaged file."""

    @abstractmethod
    def with_token(self, content: bytes, token: str) -> bytes:
        """The file's content with another token."""

    def content(self) -> bytes:
        """The content of the file; empty if it doesn't exist. Raises ConfigError if it can't be read."""
        try:
            return read_own(self.path, LONGEST)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise ConfigError(f"{self.path}, which holds the refresh token, can't be read: {error.strerror}.") from None

    def _undamaged(self, token: str) -> str:
        """Strip blanks around the token; raises ConfigError if it is visibly damaged."""
        if damage := damage_in(token.strip()):
            raise ConfigError(f"The refresh token in {self.path} {damage}.")
        return token.strip()

    def prove_writable(self, content: bytes) -> None:
        """Rewrite the unchanged content; raises OSError if that fails, or if the mode of the file is read-only."""
        if self.path.exists() and not self.path.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "marked read-only")
        durable.rewrite(self.path, content)

    def sweep(self) -> None:
        """Remove the temporary files of killed processes. The caller holds the lock."""
        pattern = re.compile(rf"\.{re.escape(self.path.name)}(\.exchange|\.provided|\.basic)?\.[a-z0-9_]{{8}}\.tmp")
        with suppress(OSError):
            for stray in [path for path in self.path.parent.iterdir() if pattern.fullmatch(path.name)]:
                stray.unlink(missing_ok=True)

    @contextmanager
    def faults_named(self, consequence: str) -> Iterator[None]:
        """Turn OSError into a ConfigError with the cause, the consequence, and what to do.

        A file system that refuses locks is a DestinationError, since it is a limit of the machine.
        """
        try:
            yield
        except CannotLock as error:
            text = f"The refresh token in {self.path} can't be locked ({error.strerror}). {consequence} {_LOCAL}"
            raise DestinationError(text) from None
        except OSError as error:
            if (limit := machine_limit(error)) is not None:
                raise limit from None
            text = f"The refresh token can't be kept in {self.path}: {cause(error)}. {consequence} {self.way_out}"
            raise ConfigError(text) from None


class ConfigHome(Home):
    """config.json, in which one value changes and every other byte stays the same."""

    def token_in(self, content: bytes) -> str | None:
        """The value of `refresh_token`."""
        try:
            token = parse_object(content).get("refresh_token")
        except ValueError as error:
            problem = str(error)
        else:
            return self._undamaged(token) if isinstance(token, str) and not is_absent(token) else None
        raise ConfigError(f"The config file {self.path} {problem}.")

    def with_token(self, content: bytes, token: str) -> bytes:
        """The same JSON with another `refresh_token`."""
        return with_refresh_token(content, token)


class TokenFileHome(Home):
    """`token_file`: the bare token on one line."""

    way_out = "Let token_file (or BDS_TOKEN_FILE) name a file in a folder that can be written."

    def token_in(self, content: bytes) -> str | None:
        """The one line of the file."""
        lines = content.decode("utf-8-sig", "replace").strip().splitlines()
        if len(lines) > 1 or any("\ufffd" in line for line in lines):
            raise ConfigError(f"{self.path} must hold the refresh token on one line and nothing else.")
        return self._undamaged(lines[0]) if lines else None

    def with_token(self, content: bytes, token: str) -> bytes:  # noqa: ARG002
        """The token and a line feed."""
        return token.encode() + b"\n"
