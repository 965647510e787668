"""Signing in: a person's consent becomes the first refresh token, and one call to the API shows that it works."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import SecretStr

from ...config.settings import Config
from ...errors import ConfigError
from ..auth.refresher import TokenRefresher
from ..catalogue import NEW_SCOPE
from ..connection import connect
from ..gate import Gate
from ..token_store.store import store_for
from .code_grant import CodeGrant
from .consent import Consent

logger = logging.getLogger(__name__)

#: The redirect address to register where one has none yet; nothing needs to listen there.
REDIRECT_URI = "https://localhost:8765/callback"


def scope_to_ask_for(config: Config, wanted: str | None) -> str:
    """The scope of a consent: what was `wanted`, else the config's, else that of the new routes.

    Warns where later exchanges would ask for more than was consented to.
    """
    scope = wanted or config.scope or NEW_SCOPE
    missing = set((config.scope or "").split()) - set(scope.split())
    if missing:
        logger.warning("The config's scope asks for %s too; unless the consent covers that, remove it there, or "
                       "exchanges will be refused.", " ".join(sorted(missing)))  # fmt: skip
    return scope


async def prove_home(config: Config) -> Path:
    """Show, before anybody is asked to consent, that the refresh token can be stored; returns where.

    Raises ConfigError, CredentialsBusy.
    """
    if config.is_service_user:
        raise ConfigError("A service user signs in by private_key_file and needs no login; remove that key to log in.")
    store = store_for(config)
    async with store.custody() as custody:
        custody.prove_writable()
    return store.home.path


async def sign_in(config: Config, consent: Consent, code: SecretStr) -> int:
    """Redeem the code, store the refresh token that it brings, and count the data sets that are visible with it.

    Raises AuthorisationError (the code was refused; or the token is stored, and may see nothing), ConfigError,
    UnreachableError, CatalogueError, CredentialsBusy.
    """
    store = store_for(config)
    refresher = TokenRefresher(CodeGrant(config, store, consent, code))
    gate = Gate(lambda why, seconds: logger.info("Waiting %.0f seconds: %s.", seconds, why))
    async with connect(config, refresher=refresher, gate=gate) as connection:
        await refresher.token()
        logger.info("The refresh token is stored in %s.", store.home.path)
        return len((await connection.tenant.catalogue()).data_sets)
