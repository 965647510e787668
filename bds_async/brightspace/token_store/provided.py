"""A refresh token provided by the environment or the config; the next ones are kept in a token file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from ...support import durable
from ...support.own_files import check_own, read_own, write_own
from ...support.reading import LONGEST
from .journal import digest


@dataclass(frozen=True, slots=True)
class Provided:
    """The refresh token that the environment or the config gives in addition to a `token_file`.

    `source` describes its origin, for messages.
    """

    token: SecretStr
    source: str

    @property
    def digest(self) -> str:
        """Its digest, which is recorded in place of the token."""
        return digest(self.token.get_secret_value())


class LastProvided:
    """The record of the last provided token; any other token is new."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home.with_name(f"{home.name}.provided")

    def is_other_than(self, provided: Provided) -> bool:
        """Whether the recorded token is another one, or there is none; raises OSError."""
        return self._content().strip() != provided.digest.encode()

    def prove_writable(self) -> None:
        """Prove that a token can be recorded, by rewriting the unchanged content; raises OSError."""
        check_own(self._path)
        durable.rewrite(self._path, self._content())

    def remember(self, provided: str) -> None:
        """Record the digest of the token that was accepted; raises OSError."""
        note = provided.encode() + b"\n"
        if self._content() != note:
            write_own(self._path, note, like=self._home)

    def _content(self) -> bytes:
        try:
            return read_own(self._path, LONGEST)
        except FileNotFoundError:
            return b""
