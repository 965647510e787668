"""Durable custody of the refresh token, which is good for one use: losing its successor locks the user out.

Prove, then spend: first the home is rewritten unchanged, then the token may be sent, then the successor is stored
before anybody uses what came with it. All of it happens under a lock that any number of processes respect.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import BaseFileLock
from pydantic import SecretStr

from . import durable
from .config import Config, TokenSource
from .errors import ConfigError
from .token_home import ConfigHome, Home, TokenFileHome
from .token_journal import Journal, digest, now
from .token_lock import locked

logger = logging.getLogger(__name__)

_NOT_SPENT = "No token was spent."


def store_for(config: Config) -> TokenStore:
    """Where this config's refresh token lives; raises ConfigError if a provided one has nowhere to be rotated to."""
    if config.token_file is not None:
        return TokenStore(TokenFileHome(_apart(config.token_file, config.config_file)), config.refresh_token)
    if config.token_source is TokenSource.FILE and config.config_file is not None:
        return TokenStore(ConfigHome(config.config_file))
    raise ConfigError(
        f"The refresh token comes from the {config.token_source}, and each use of it brings another one: "
        "set token_file (BDS_TOKEN_FILE) to a file where that one is kept."
    )


def _apart(token_file: Path, config_file: Path | None) -> Path:
    if config_file is not None and token_file.resolve() == config_file.resolve():
        raise ConfigError(f"token_file must not be the config file itself ({config_file}).")
    return token_file


class TokenStore:
    """The home of one refresh token, and the token that the config provides beside a `token_file`."""

    def __init__(self, home: Home, provided: SecretStr | None = None) -> None:
        self.home = home
        self._provided = Provided(home.path, provided) if provided is not None else None

    async def take(self) -> Custody:
        """Wait for the lock, and hand over custody of the token until it is released.

        Raises ConfigError if there can't be a lock, CredentialsBusy if another process never lets go.
        """
        with self.home.faults_named(_NOT_SPENT):
            return Custody(self.home, await locked(self.home.path), self._provided)

    @asynccontextmanager
    async def custody(self) -> AsyncIterator[Custody]:
        """`take` and release, for `async with`."""
        with await self.take() as custody:
            yield custody


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
        with self._home.faults_named(_NOT_SPENT):
            self._content = self._home.content()
            self._home.token_in(self._content)
            self._home.prove_writable(self._content)

    def announce(self, token: SecretStr) -> None:
        """Note that `token` is about to be sent, and reserve room for the answer; raises ConfigError."""
        with self._home.faults_named(_NOT_SPENT):
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
        with self._home.faults_named(_NOT_SPENT):
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
