"""The refresh token while it is locked: read it, prove its home, and store its successor so that nothing loses it."""

from __future__ import annotations

import logging
from datetime import datetime
from types import TracebackType
from typing import Self

from filelock import BaseFileLock
from pydantic import SecretStr

from .. import durable
from ..errors import ConfigError
from .home import Home
from .journal import Journal, digest, now
from .provided import Provided

logger = logging.getLogger(__name__)

#: What follows from a home that can't be written, as long as nothing was sent.
NOT_SPENT = "No token was spent."


class Custody:
    """The refresh token while nobody else can touch it. Blocking, and usable from any thread.

    The way of an exchange: `read`, `prove_writable`, `announce`, send, then `write`, `keep` or `withdraw`, `release`.
    """

    def __init__(self, home: Home, lock: BaseFileLock, provided: Provided | None) -> None:
        self._home = home
        self._lock = lock
        self._provided = provided
        self._journal = Journal(home.path)
        self._content = b""
        #: When the token that `read` gave was sent before without an answer that could be stored; None: never.
        self.in_doubt_since: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def read(self) -> SecretStr:
        """The token as it is now: another process may have rotated it, or a person given a new one.

        What a killed process had received and not yet stored is stored first. Raises ConfigError if there is none.
        """
        self._home.sweep()
        self._content = self._home.content()
        token = self._adopted() or self._recovered(self._home.token_in(self._content))
        if token is None:
            raise ConfigError(f"There is no refresh token in {self._home.path}; run `bds-async login`.")
        return SecretStr(token)

    def prove_writable(self) -> None:
        """Show that the next token can be written; raises ConfigError with the way out."""
        with self._home.faults_named(NOT_SPENT):
            self._content = self._home.content()
            self._home.token_in(self._content)
            self._home.prove_writable(self._content)

    def announce(self, token: SecretStr) -> None:
        """Note that `token` is about to be sent, and reserve room for the answer; raises ConfigError."""
        with self._home.faults_named(NOT_SPENT):
            self._journal.begin(token.get_secret_value(), self.in_doubt_since or now())
            durable.keep_owner(self._journal.path, self._home.path)

    @property
    def may_be_spent(self) -> bool:
        """Whether the token was announced, and what became of it is not known yet."""
        return self._journal.is_open

    def withdraw(self) -> None:
        """The request did not spend the token: it was never sent, or refused for another reason."""
        if self.in_doubt_since is None:
            self._journal.clear()

    def keep(self) -> None:
        """The answer brought no other token, so that the one sent stays good (RFC 6749 section 6)."""
        self._journal.clear()

    def write(self, token: SecretStr) -> None:
        """Store the next token so that neither a kill nor a power cut takes it away; raises ConfigError.

        The journal comes first, with a single write: from then on a kill is harmless.
        """
        noted = self._journal.received(token.get_secret_value())
        try:
            self._store(token.get_secret_value())
        except OSError as error:
            if not (noted and self._journal.make_durable()):
                self._lost(error)
            logger.warning("The new refresh token could not be written to %s (%s); until it can, it is kept in %s.",
                           self._home.path, error.strerror, self._journal.path)  # fmt: skip
        else:
            self._journal.clear()

    def release(self) -> None:
        """Let the next one in; what is noted stays noted."""
        self._journal.close()
        self._lock.release()

    def _store(self, token: str) -> None:
        self._content = self._home.with_token(self._content, token)
        durable.write_atomically(self._home.path, self._content)
        if self._provided is not None and self._provided.is_new():
            self._provided.remember()

    def _lost(self, error: OSError) -> None:
        with self._home.faults_named("The old token is spent, its successor is lost: run `bds-async login`."):
            raise error

    def _adopted(self) -> str | None:
        """The provided token, if it has not been seen before; what the home held is not its successor."""
        if self._provided is None:
            return None
        with self._home.faults_named(NOT_SPENT):
            if not self._provided.is_new() and self._home.token_in(self._content) is not None:
                return None
            self._store(self._provided.token.get_secret_value())
            self._journal.clear()
        return self._provided.token.get_secret_value()

    def _recovered(self, stored: str | None) -> str | None:
        """What is stored, or what the journal knows to have followed it."""
        entry = self._journal.entry()
        if stored is None or entry is None or entry.spent != digest(stored):
            self._journal.clear()
            return stored
        if entry.successor is None:
            self.in_doubt_since = entry.since
            return stored
        with self._home.faults_named(f"The current one waits in {self._journal.path} until it can."):
            self._store(entry.successor)
        self._journal.clear()
        return entry.successor
