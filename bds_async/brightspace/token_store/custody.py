"""The refresh token under its lock: reading it, and storing the next one so that no fault loses it."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime
from types import TracebackType
from typing import Self

from filelock import BaseFileLock
from pydantic import SecretStr

from ...errors import ConfigError
from ...support import durable
from ...support.log import event
from .convention import ConventionRecord
from .home import Home
from .journal import Entry, Journal, digest, now
from .provided import LastProvided, Provided

logger = logging.getLogger(__name__)

#: The consequence of a file that can't be written, before anything was sent.
NOT_SPENT = "No token was spent."


class Custody:
    """Exclusive access to the refresh token. Its methods block; they can be called from any thread.

    The steps of an exchange: `read`, `prove_writable`, `announce`, send, then `write`, `keep` or `withdraw`, `release`.
    A newly provided token takes the same steps; the file keeps its own token until the new one has been accepted.
    """

    def __init__(self, home: Home, lock: BaseFileLock, provided: Provided | None) -> None:
        self._home = home
        self._lock = lock
        self._provided = provided
        self._last_provided = LastProvided(home.path)
        self._journal = Journal(home.path)
        self._convention = ConventionRecord(home.path)
        self._content = b""
        #: When the token from `read` was sent before without its answer being stored; None if it was not.
        self.in_doubt_since: datetime | None = None
        #: The provided token if `read` returned that one, else None.
        self.offered: Provided | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def read(self) -> SecretStr:
        """Read the token to send: the provided one if it is new, else the one in the file.

        If a killed process received a token but did not store it, store that first. Raises ConfigError if there is no
        token.
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
        """Whether the file holds a token other than the one that `read` returned."""
        return self.offered is not None and self._stored() not in (None, self.offered.token.get_secret_value())

    def prove_writable(self) -> None:
        """Prove that the next token can be written; raises ConfigError, which says what to do."""
        with self._home.faults_named(NOT_SPENT):
            self._content = self._home.content()
            self._stored()
            self._journal.prove_writable()
            self._home.prove_writable(self._content)
            if self._provided is not None and self._last_provided.is_other_than(self._provided):
                self._last_provided.prove_writable()

    def announce(self, token: SecretStr) -> None:
        """Record that `token` is about to be sent, and reserve disk space for the answer; raises ConfigError."""
        with self._home.faults_named(NOT_SPENT):
            spent = digest(token.get_secret_value())
            since = self.in_doubt_since or now()
            self._journal.begin(Entry(spent, since, self._stored_digest(), is_provided=self.offered is not None))

    @property
    def convention(self) -> str | None:
        """The Basic convention that the auth service is known to accept; None if none is known."""
        return self._convention.read()

    @convention.setter
    def convention(self, name: str) -> None:
        """Record the convention beside the token file."""
        self._convention.write(name)

    @property
    def may_be_spent(self) -> bool:
        """Whether the token was announced and the outcome of its request is not known."""
        return self._journal.is_open

    def withdraw(self) -> None:
        """Record that the token was not spent: it was not sent, or the request was refused for another reason."""
        self._journal.take_back()

    def keep(self) -> None:
        """Record that the answer had no new token, so that the sent one stays valid (RFC 6749 section 6)."""
        if self.offered is not None:
            self.write(self.offered.token)
        else:
            self._journal.clear()

    def write(self, token: SecretStr) -> None:
        """Store the next token so that neither a kill nor a power cut loses it; raises ConfigError.

        The journal is written first, with one system call: from then on a kill is harmless.
        """
        noted = self._journal.received(token.get_secret_value())
        try:
            self._store(token.get_secret_value(), self._provided.digest if self._provided is not None else None)
        except OSError as error:
            if not noted:
                self._stop(error, "The old token is spent and the next one is lost: run `bds-async login`.")
            if not self._journal.make_durable():
                self._stop(error, f"The old token is spent. The next one is in {self._journal.path}, and a later run "
                                  "takes it from there; a restart of the machine before may lose it.")  # fmt: skip
            path, kept_in = self._home.path, self._journal.path
            text = "The new refresh token could not be written to %s (%s); until it can, it is kept in %s."
            extra = event("token.not_stored", path=path, kept_in=kept_in, error=error.strerror)
            logger.warning(text, path, error.strerror, kept_in, extra=extra)
        else:
            self._journal.clear()

    def release(self) -> None:
        """Release the lock; the journal stays as it is."""
        self._journal.close()
        self._lock.release()

    def _stored(self) -> str | None:
        return self._home.token_in(self._content)

    def _stored_digest(self) -> str | None:
        stored = self._stored()
        return None if stored is None else digest(stored)

    def _store(self, token: str, overtaken: str | None) -> None:
        """Write the token; `overtaken` is the digest of the provided token that it replaces.

        What a person has changed in the file since it was read is kept. That includes another refresh token.
        """
        former = self._stored()
        with contextlib.suppress(ConfigError):  # it is damaged by now, or being written
            current = self._home.content()
            self._home.token_in(current)
            self._content = current
        if self._stored() in (former, None):
            self._content = self._home.with_token(self._content, token)
            durable.write_atomically(self._home.path, self._content)
        if overtaken is not None:
            self._last_provided.remember(overtaken)

    def _stop(self, error: OSError, consequence: str) -> None:
        with self._home.faults_named(consequence):
            raise error

    def _newly_provided(self) -> Provided | None:
        """The provided token if it has not been accepted before, or if the file no longer holds a token."""
        if self._provided is None:
            return None
        with self._home.faults_named(NOT_SPENT):
            is_new = self._last_provided.is_other_than(self._provided)
        return self._provided if is_new or self._stored() is None else None

    def _recover(self) -> None:
        """Store the token that a killed process received, unless another token was stored meanwhile."""
        entry = self._journal.entry()
        if entry is None or entry.successor is None:
            return
        if self._stored_digest() in (entry.stored, digest(entry.successor)):
            with self._home.faults_named(f"Until it can, the current one is in {self._journal.path}."):
                self._store(entry.successor, entry.spent if entry.is_provided else None)
        self._journal.clear()
