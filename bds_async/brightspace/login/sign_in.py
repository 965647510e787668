"""Signing in: the code of a consent becomes the first refresh token, and one API request proves that it works."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import SecretStr

from ...config import Config
from ...errors import ConfigError
from ...support.log import event
from ..auth import TokenRefresher
from ..catalogue import NEW_SCOPE
from ..connection import connect, log_hold, log_wait
from ..gate import Gate
from ..token_store import store_for
from .code_grant import code_grant
from .consent import Consent

logger = logging.getLogger(__name__)

#: The redirect address to register if there is none yet; nothing needs to listen there.
REDIRECT_URI = "https://localhost:8765/callback"


def scope_to_ask_for(config: Config, wanted: str | None) -> str:
    """The scope of a consent: the `wanted` one, else the config's, else that of the new routes.

    Logs a warning if later exchanges would ask for more than was consented to.
    """
    scope = wanted or config.scope or NEW_SCOPE
    missing = set((config.scope or "").split()) - set(scope.split())
    if missing:
        scopes = " ".join(sorted(missing))
        text = "The config's scope asks for %s too; unless the consent covers that, remove it there, or exchanges will "
        logger.warning(text + "be refused.", scopes, extra=event("login.scope", missing=scopes))
    return scope


async def prove_home(config: Config) -> Path:
    """Prove, before the person is asked to consent, that the refresh token can be stored; returns its file.

    Raises ConfigError, CredentialsBusy.
    """
    if config.is_service_user:
        raise ConfigError("A service user signs in by private_key_file and needs no login; remove that key to log in.")
    store = store_for(config)
    async with store.custody() as custody:
        custody.prove_writable()
    return store.home.path


async def sign_in(config: Config, consent: Consent, code: SecretStr) -> int:
    """Redeem the code, store the refresh token, and return the number of data sets that are visible with it.

    Raises AuthorisationError (the code was refused, or the stored token has no permission), ConfigError,
    UnreachableError, CatalogueError, CredentialsBusy.
    """
    refresher = TokenRefresher(code_grant(config, consent, code))
    gate = Gate(log_hold, on_outage=log_wait)
    async with connect(config, refresher=refresher, gate=gate) as connection:
        await refresher.token()
        path = store_for(config).home.path
        logger.info("The refresh token is stored in %s.", path, extra=event("login.stored", path=path))
        return len((await connection.tenant.catalogue()).data_sets)
