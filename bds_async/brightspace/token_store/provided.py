"""A refresh token that is given from outside (environment, config) while its successors live in a token file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from ...support import durable
from .journal import digest


@dataclass(frozen=True, slots=True)
class Provided:
    """The token that environment or config gives beside a `token_file`; `source` says where, to a person."""

    token: SecretStr
    source: str

    @property
    def digest(self) -> str:
        """What is remembered of it."""
        return digest(self.token.get_secret_value())


class LastProvided:
    """The memory of the token that was provided last: its successors live in the home; any other one is new."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home.with_name(f"{home.name}.provided")

    def is_other_than(self, provided: Provided) -> bool:
        """Whether another one, or none, is remembered; raises OSError."""
        return self._content().strip() != provided.digest.encode()

    def prove_writable(self) -> None:
        """Show that another one can be remembered; raises OSError."""
        durable.rewrite(self._path, self._content())

    def remember(self, provided: str) -> None:
        """From now on the successors of the token of this digest count; raises OSError."""
        note = provided.encode() + b"\n"
        if self._content() != note:
            durable.write_atomically(self._path, note)
            durable.keep_owner(self._path, self._home)

    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
