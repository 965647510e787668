"""The files that a refresh token can live in, and what it means when one of them can't be written."""

from __future__ import annotations

import errno
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...config.file import parse_object, with_refresh_token
from ...config.sources import is_absent
from ...errors import ConfigError
from ...support import durable

_READ_ONLY = "it can't be written there"
_FULL = "there is no space left"
_MEANING = {
    errno.EROFS: "the file system is read-only",
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EBUSY: "it is mounted as a single file, which can't be replaced (mount its folder instead)",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.ENOENT: "its folder doesn't exist",
    errno.ENOTDIR: "its folder doesn't exist",
    errno.EISDIR: "it is a folder",
}


class Home(ABC):
    """A file that holds the refresh token; its path has no symbolic link left in it."""

    way_out = "Set token_file (or BDS_TOKEN_FILE) to a file in a folder that can be written."

    def __init__(self, path: Path) -> None:
        # Path.resolve() raises RuntimeError where links run in a circle, before Python 3.13.
        self.path = Path(os.path.realpath(path))

    @abstractmethod
    def token_in(self, content: bytes) -> str | None:
        """The token that the file's content holds, None if it holds none; raises ConfigError for a spoilt file."""

    @abstractmethod
    def with_token(self, content: bytes, token: str) -> bytes:
        """The file's content with another token in it."""

    def content(self) -> bytes:
        """The file as it is; empty if it isn't there. Raises ConfigError if it can't be read."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise ConfigError(f"{self.path}, which holds the refresh token, can't be read: {error.strerror}.") from None

    def prove_writable(self, content: bytes) -> None:
        """Rewrite the unchanged content; raises OSError where that fails, or the file is marked read-only."""
        if self.path.exists() and not self.path.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "marked read-only")
        durable.rewrite(self.path, content)

    def sweep(self) -> None:
        """Remove the temporary files of processes that were killed; only under the lock."""
        pattern = re.compile(rf"\.{re.escape(self.path.name)}(\.exchange|\.provided)?\.[a-z0-9_]{{8}}\.tmp")
        with suppress(OSError):
            for stray in [path for path in self.path.parent.iterdir() if pattern.fullmatch(path.name)]:
                stray.unlink(missing_ok=True)

    @contextmanager
    def faults_named(self, consequence: str) -> Iterator[None]:
        """Turn OSError into a ConfigError with the reason, what it led to, and the way out."""
        try:
            yield
        except OSError as error:
            reason = _MEANING.get(error.errno or 0, error.strerror or type(error).__name__)
            raise ConfigError(
                f"The refresh token can't be kept in {self.path}: {reason}. {consequence} {self.way_out}"
            ) from None


class ConfigHome(Home):
    """config.json itself: one value of it changes, every other byte stays."""

    def token_in(self, content: bytes) -> str | None:
        """The value of `refresh_token`."""
        try:
            token = parse_object(content).get("refresh_token")
        except ValueError as error:
            problem = str(error)
        else:
            return token.strip() if isinstance(token, str) and not is_absent(token) else None
        raise ConfigError(f"The config file {self.path} {problem}.")

    def with_token(self, content: bytes, token: str) -> bytes:
        """The same JSON with another `refresh_token`."""
        return with_refresh_token(content, token)


class TokenFileHome(Home):
    """`token_file`: the bare token on one line."""

    way_out = "Let token_file (or BDS_TOKEN_FILE) name a file in a folder that can be written."

    def token_in(self, content: bytes) -> str | None:
        """The one line."""
        lines = content.decode("utf-8-sig", "replace").strip().splitlines()
        if len(lines) > 1 or any("\ufffd" in line for line in lines):
            raise ConfigError(f"{self.path} must hold the refresh token on one line and nothing else.")
        return lines[0] if lines else None

    def with_token(self, content: bytes, token: str) -> bytes:  # noqa: ARG002
        """The token and a line break."""
        return token.encode() + b"\n"
