"""The refresh token while it is locked: read it, prove its home, and store its successor so that nothing loses it."""

from __future__ import annotations

import logging
from datetime import datetime
from types import TracebackType
from typing import Self

from filelock import BaseFileLock
from pydantic import SecretStr

from ...errors import ConfigError
from ...support import durable
from .home import Home
from .journal import Entry, Journal, digest, now
from .provided import LastProvided, Provided

logger = logging.getLogger(__name__)

#: What follows from a home that can't be written, as long as nothing was sent.
NOT_SPENT = "No token was spent."


class Custody:
    """The refresh token while nobody else can touch it. Blocking, and usable from any thread.

    The way of an exchange: `read`, `prove_writable`, `announce`, send, then `write`, `keep` or `withdraw`, `release`.
    A provided token that is new goes this way, too, while the home keeps what it holds: it may be refused.
    """

    def __init__(self, home: Home, lock: BaseFileLock, provided: Provided | None) -> None:
        self._home = home
        self._lock = lock
        self._provided = provided
        self._last_provided = LastProvided(home.path)
        self._journal = Journal(home.path)
        self._content = b""
        #: When the token that `read` gave was sent before without an answer that could be stored; None: never.
        self.in_doubt_since: datetime | None = None
        #: The provided token, if that is the one that `read` gave.
        self.offered: Provided | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def read(self) -> SecretStr:
        """The token to send: the provided one if it is new, else the stored one, which others may have rotated.

        What a killed process had received and not yet stored is stored first. Raises ConfigError if there is none.
        """
        self._home.sweep()
        self._content = self._home.content()
        self._recover()
        self.offered = self._newly_provided()
        token = self._stored() if self.offered is None else self.offered.token.get_secret_value()
        if token is None:
            raise ConfigError(f"There is no refresh token in {self._home.path}; run `bds-async login`.")
        entry = self._journal.entry()
        self.in_doubt_since = entry.since if entry is not None and entry.spent == digest(token) else None
        return SecretStr(token)

    @property
    def keeps_another(self) -> bool:
        """Whether the home holds another token than the one that `read` gave."""
        return self.offered is not None and self._stored() not in (None, self.offered.token.get_secret_value())

    def prove_writable(self) -> None:
        """Show that the next token can be written; raises ConfigError with the way out."""
        with self._home.faults_named(NOT_SPENT):
            self._content = self._home.content()
            self._stored()
            self._home.prove_writable(self._content)
            if self._provided is not None and self._last_provided.is_other_than(self._provided):
                self._last_provided.prove_writable()

    def announce(self, token: SecretStr) -> None:
        """Note that `token` is about to be sent, and reserve room for the answer; raises ConfigError."""
        with self._home.faults_named(NOT_SPENT):
            spent = digest(token.get_secret_value())
            since = self.in_doubt_since or now()
            self._journal.begin(Entry(spent, since, self._stored_digest(), is_provided=self.offered is not None))

    @property
    def may_be_spent(self) -> bool:
        """Whether the token was announced, and what became of it is not known yet."""
        return self._journal.is_open

    def withdraw(self) -> None:
        """The request did not spend the token: it was never sent, or refused for another reason."""
        self._journal.take_back()

    def keep(self) -> None:
        """The answer brought no other token, so that the one sent stays good (RFC 6749 section 6)."""
        if self.offered is not None:
            self.write(self.offered.token)
        else:
            self._journal.clear()

    def write(self, token: SecretStr) -> None:
        """Store the next token so that neither a kill nor a power cut takes it away; raises ConfigError.

        The journal comes first, with a single write: from then on a kill is harmless.
        """
        noted = self._journal.received(token.get_secret_value())
        try:
            self._store(token.get_secret_value(), self._provided.digest if self._provided is not None else None)
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

    def _stored(self) -> str | None:
        return self._home.token_in(self._content)

    def _stored_digest(self) -> str | None:
        stored = self._stored()
        return None if stored is None else digest(stored)

    def _store(self, token: str, overtaken: str | None) -> None:
        """Write the token; `overtaken` is the digest of the provided one that no longer counts from now on."""
        self._content = self._home.with_token(self._content, token)
        durable.write_atomically(self._home.path, self._content)
        if overtaken is not None:
            self._last_provided.remember(overtaken)

    def _lost(self, error: OSError) -> None:
        with self._home.faults_named("The old token is spent, its successor is lost: run `bds-async login`."):
            raise error

    def _newly_provided(self) -> Provided | None:
        """The provided token, if it has not been accepted before, or nothing is left of its successors."""
        if self._provided is None:
            return None
        with self._home.faults_named(NOT_SPENT):
            is_new = self._last_provided.is_other_than(self._provided)
        return self._provided if is_new or self._stored() is None else None

    def _recover(self) -> None:
        """Store the answer that a killed process had received, unless somebody stored another token meanwhile."""
        entry = self._journal.entry()
        if entry is None or entry.successor is None:
            return
        if self._stored_digest() in (entry.stored, digest(entry.successor)):
            with self._home.faults_named(f"The current one waits in {self._journal.path} until it can."):
                self._store(entry.successor, entry.spent if entry.is_provided else None)
        self._journal.clear()
