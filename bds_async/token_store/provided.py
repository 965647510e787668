"""A refresh token that is given from outside (environment, config) while its successors live in a token file."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from .. import durable
from .journal import digest


class Provided:
    """The token that environment or config gives beside a `token_file`, and the memory of the last one given.

    Its own successors live in the token file. Once another one is given, that one counts.
    """

    def __init__(self, home: Path, token: SecretStr) -> None:
        self.token = token
        self._home = home
        self._path = home.with_name(f"{home.name}.provided")
        self._digest = digest(token.get_secret_value())

    def is_new(self) -> bool:
        """Whether another one, or none, was given before; raises OSError."""
        try:
            return self._path.read_text(encoding="ascii", errors="replace").strip() != self._digest
        except FileNotFoundError:
            return True

    def remember(self) -> None:
        """From now on its successors count; raises OSError."""
        durable.write_atomically(self._path, self._digest.encode() + b"\n")
        durable.keep_owner(self._path, self._home)
