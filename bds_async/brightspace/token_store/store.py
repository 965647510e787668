"""The store of the refresh token. A token can be used only once: a run that loses the next one locks its user out.

An exchange first rewrites the unchanged file to prove that it can be written, then sends the token, stores the next
one, and only then uses the access token. All of it happens under a lock between processes.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ...config import Config, TokenSource
from ...errors import ConfigError
from .custody import NOT_SPENT, Custody
from .home import ConfigHome, Home, TokenFileHome
from .lock import locked
from .provided import Provided


def store_for(config: Config) -> TokenStore:
    """The store of this config's refresh token; raises ConfigError if there is no file to write the next token to."""
    if config.token_file is not None:
        return TokenStore(TokenFileHome(_apart(config.token_file, config.config_file)), _provided(config))
    if config.token_source is TokenSource.FILE and config.config_file is not None:
        return TokenStore(ConfigHome(config.config_file))
    if config.token_source is TokenSource.CODE:
        raise ConfigError(
            "Each use of a refresh token brings another one, and this Config names no file for it: "
            "pass token_file=PATH, a file that can be written, to Config."
        )
    raise ConfigError(
        f"The refresh token comes from the {config.token_source}, and each use of it brings another one: "
        "set token_file (BDS_TOKEN_FILE) to a file for that one."
    )


def _provided(config: Config) -> Provided | None:
    """The refresh token that the config gives in addition to a `token_file`."""
    if config.refresh_token is None:
        return None
    places = {
        TokenSource.FILE: f"the key refresh_token in {config.config_file}",
        TokenSource.ENVIRONMENT: "the environment variable BDS_REFRESH_TOKEN",
    }
    return Provided(config.refresh_token, places.get(config.token_source, f"the {config.token_source}"))


def _apart(token_file: Path, config_file: Path | None) -> Path:
    if config_file is not None and os.path.realpath(token_file) == os.path.realpath(config_file):
        raise ConfigError(f"token_file must not be the config file itself ({config_file}).")
    return token_file


class TokenStore:
    """The file of one refresh token, and the token that the config provides in addition to a `token_file`."""

    def __init__(self, home: Home, provided: Provided | None = None) -> None:
        self.home = home
        self._provided = provided

    async def take(self) -> Custody:
        """Wait for the lock and return the custody of the token, which the caller releases.

        Raises ConfigError if the file can't be locked, CredentialsBusy if another process holds the lock for too long.
        """
        with self.home.faults_named(NOT_SPENT):
            return Custody(self.home, await locked(self.home.path), self._provided)

    @asynccontextmanager
    async def custody(self) -> AsyncIterator[Custody]:
        """Hold the custody inside the context. Raises as `take` does."""
        with await self.take() as custody:
            yield custody
