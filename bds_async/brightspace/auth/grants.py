"""How an access token is come by: the refresh token of a person, or the private key of a service user."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from pydantic import SecretStr

from ...config.settings import Config
from ...errors import AuthorisationError, ConfigError, TransientError
from ...support.uninterrupted import Departure, uninterrupted
from ..http import Answer, Transport
from ..token_store.custody import Custody
from ..token_store.store import TokenStore, store_for
from .token_endpoint import AccessToken, TokenEndpoint, basic, refresh_token_in

logger = logging.getLogger(__name__)

_LOGIN = "run `bds-async login`"
_WHAT_TO_DO = {
    "invalid_grant": f"it has been used elsewhere, has expired, or the consent was withdrawn; {_LOGIN} again",
    "invalid_client": "client_id and client_secret are not those of a registered application; correct them",
    "unauthorized_client": "the application may not use refresh tokens; check it under Manage Extensibility",
    "invalid_scope": f"the scope asks for more than was consented to; correct or remove it, or {_LOGIN} again",
    "unsupported_grant_type": "it does not take refresh tokens; check auth_service",
    "access_denied": f"the user or the application has lost its permission; restore it and {_LOGIN} again",
}
#: Refusals that another refresh token would meet, too.
_OF_THE_APPLICATION = ("invalid_client", "unauthorized_client", "unsupported_grant_type")
_UNKNOWN = f"check client_id, client_secret and scope, or {_LOGIN} again"


class Grant(Protocol):
    """One way to an access token."""

    async def exchange(self) -> AccessToken:
        """Ask for an access token once.

        Raises TransientError (another try may help), AuthorisationError, ConfigError, UnreachableError,
        CredentialsBusy.
        """
        ...


def grant_for(config: Config) -> Grant:
    """The grant that a config has the credentials for; raises ConfigError."""
    if config.is_service_user:
        from .service_user import ClientAssertionGrant

        return ClientAssertionGrant(config)
    return RefreshTokenGrant(config, store_for(config))


class RefreshTokenGrant:
    """RFC 6749 section 6, with a refresh token that is good for one use."""

    def __init__(self, config: Config, store: TokenStore) -> None:
        if config.client_secret is None:
            raise ConfigError("client_secret is missing: the refresh token is exchanged with client_id and secret.")
        self._endpoint = TokenEndpoint(config)
        self._client = basic(config.client_id, config.client_secret)
        self._scope = {"scope": config.scope} if config.scope else {}
        self._store = store

    async def exchange(self) -> AccessToken:
        """Spend the stored token and store its successor; the access token is handed over after that.

        Once the request is on its way nothing but the end of the process stops it before its answer is stored; a
        caller that is cancelled waits for that.
        """
        custody = await self._store.take()
        return await uninterrupted(lambda departure: self._in_custody(custody, departure))

    async def _in_custody(self, custody: Custody, departure: Departure) -> AccessToken:
        with custody:
            token = custody.read()
            custody.prove_writable()
            try:
                custody.announce(token)
                return await self._spend(token, custody, departure)
            except TransientError as error:
                if departure.is_past and custody.may_be_spent:
                    logger.warning("%s The refresh token had been sent and may be spent; the next try shows it.", error)
                raise
            finally:
                if not departure.is_past:
                    custody.withdraw()

    async def _spend(self, token: SecretStr, custody: Custody, departure: Departure) -> AccessToken:
        form = {"grant_type": "refresh_token", "refresh_token": token.get_secret_value(), **self._scope}
        async with Transport(connections=1, connected=departure.mark) as transport:
            sent_at = time.monotonic()
            answer = await self._endpoint.ask(transport, form, self._client)
            # Nothing is awaited between the answer and its storing, and nothing else runs on this loop: this is the
            # one window in which a kill loses the token.
            successor = refresh_token_in(answer)
            if successor is not None:
                custody.write(successor)
            access = self._granted(answer, custody, sent_at)
            if successor is None:
                custody.keep()
            return access

    def _granted(self, answer: Answer, custody: Custody, sent_at: float) -> AccessToken:
        if 300 <= answer.status < 500:
            custody.withdraw()
        code = self._endpoint.refusal(answer)
        if code is not None:
            raise AuthorisationError(self._refused(code, custody))
        return self._endpoint.access_token(answer, sent_at)

    def _refused(self, code: str, custody: Custody) -> str:
        source = f" from {custody.offered.source}" if custody.offered is not None else ""
        said = f"{self._endpoint.host} refused the refresh token{source} ({code})"
        if code in _OF_THE_APPLICATION:
            return f"{said}: {_WHAT_TO_DO[code]}."
        if code == "invalid_grant" and custody.in_doubt_since is not None:
            return (
                f"{said}. It had been sent at {custody.in_doubt_since:%Y-%m-%d %H:%M:%S} UTC and the answer was lost "
                "before it could be stored: most likely its successor came with that answer. "
                f"{_LOGIN.capitalize()}.{self._other_ways(custody)}"
            )
        return f"{said}: {_WHAT_TO_DO.get(code, _UNKNOWN)}.{self._other_ways(custody)}"

    def _other_ways(self, custody: Custody) -> str:
        """What else than a login helps against a token that was provided."""
        if custody.offered is None:
            return ""
        if custody.keeps_another:
            return f" Or correct or remove the token provided: the former one is still in {self._store.home.path}."
        return " Or correct the token provided."
