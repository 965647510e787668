"""Durable custody of the refresh token, which is good for one use: losing its successor locks the user out.

Prove, then spend: first the home is rewritten unchanged, then the token may be sent, then the successor is stored
before anybody uses what came with it. All of it happens under a lock that any number of processes respect.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ...config.settings import Config, TokenSource
from ...errors import ConfigError
from .custody import NOT_SPENT, Custody
from .home import ConfigHome, Home, TokenFileHome
from .lock import locked
from .provided import Provided

__all__ = ["Custody", "TokenStore", "store_for"]


def store_for(config: Config) -> TokenStore:
    """Where this config's refresh token lives; raises ConfigError if a provided one has nowhere to be rotated to."""
    if config.token_file is not None:
        return TokenStore(TokenFileHome(_apart(config.token_file, config.config_file)), _provided(config))
    if config.token_source is TokenSource.FILE and config.config_file is not None:
        return TokenStore(ConfigHome(config.config_file))
    raise ConfigError(
        f"The refresh token comes from the {config.token_source}, and each use of it brings another one: "
        "set token_file (BDS_TOKEN_FILE) to a file where that one is kept."
    )


def _provided(config: Config) -> Provided | None:
    """The token that the config gives beside a `token_file`."""
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
    """The home of one refresh token, and the token that the config provides beside a `token_file`."""

    def __init__(self, home: Home, provided: Provided | None = None) -> None:
        self.home = home
        self._provided = provided

    async def take(self) -> Custody:
        """Wait for the lock, and hand over custody of the token until it is released.

        Raises ConfigError if there can't be a lock, CredentialsBusy if another process never lets go.
        """
        with self.home.faults_named(NOT_SPENT):
            return Custody(self.home, await locked(self.home.path), self._provided)

    @asynccontextmanager
    async def custody(self) -> AsyncIterator[Custody]:
        """`take` and release, for `async with`."""
        with await self.take() as custody:
            yield custody
