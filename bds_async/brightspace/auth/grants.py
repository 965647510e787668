"""Grants: ways to get an access token, by the refresh token of a person or the private key of a service user."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Protocol

from pydantic import SecretStr

from ...config import Config
from ...errors import AuthorisationError, TransientError
from ...support.log import event
from ...support.uninterrupted import Departure, uninterrupted
from ..http import Answer
from ..token_store import Custody, TokenStore, store_for
from .access_token import AccessToken
from .client import Client, client_of
from .oauth_errors import LOGIN, Request, advice
from .token_endpoint import CONNECT_TIMEOUT, Exchange, refresh_token_in

logger = logging.getLogger(__name__)

#: Error codes that the auth service would give for every other refresh token as well.
_OF_THE_APPLICATION = ("invalid_client", "unauthorized_client", "unsupported_grant_type")


class Grant(Protocol):
    """A way to get an access token."""

    @property
    def granted(self) -> int:
        """The number of exchanges that returned an access token, even if their callers were cancelled meanwhile."""
        ...

    async def exchange(self, connect_within: float = CONNECT_TIMEOUT) -> AccessToken:
        """Request an access token once; `connect_within` bounds the seconds until a connection is made.

        Raises TransientError (another try may help), AuthorisationError, ConfigError, UnreachableError,
        CredentialsBusy.
        """
        ...


def grant_for(config: Config) -> Grant:
    """The grant for which a config has credentials; raises ConfigError."""
    if config.is_service_user:
        from .service_user import client_assertion_grant

        return client_assertion_grant(config)
    return RefreshTokenGrant(client_of(config), store_for(config), config.scope)


class RefreshTokenGrant:
    """RFC 6749 section 6, with a refresh token that can be used once."""

    def __init__(self, client: Client, store: TokenStore, scope: str | None) -> None:
        self._endpoint, self._client = client.endpoint, client
        self._scope = {"scope": scope} if scope else {}
        self._store = store
        self.granted = 0

    async def exchange(self, connect_within: float = CONNECT_TIMEOUT) -> AccessToken:
        """Send the stored refresh token, store the next one, then return the access token.

        A caller that is cancelled while the request is being sent waits until the answer is stored, for at most
        `uninterrupted.GRACE` seconds.
        """
        custody = await self._store.take()
        return await uninterrupted(lambda departure: self._in_custody(custody, departure, connect_within))

    async def _in_custody(self, custody: Custody, departure: Departure, connect_within: float) -> AccessToken:
        with custody:
            token = custody.read()
            custody.prove_writable()
            try:
                custody.announce(token)
                return await self._spend(token, custody, departure, connect_within)
            except asyncio.CancelledError:
                if departure.is_past and custody.may_be_spent:
                    said = f"{self._endpoint.host} sent no whole answer before the run had to end."
                    _warn_of_doubt(said, "the next run tries it once")
                raise
            except TransientError as error:
                if departure.is_past and custody.may_be_spent:
                    _warn_of_doubt(str(error), "the next try will show")
                raise
            finally:
                if not departure.is_past:
                    custody.withdraw()

    async def _spend(
        self, token: SecretStr, custody: Custody, departure: Departure, connect_within: float
    ) -> AccessToken:
        form = {"grant_type": "refresh_token", "refresh_token": token.get_secret_value(), **self._scope}
        exchange = Exchange(departure.mark, partial(_store_successor, custody), connect_within)
        sent_at = time.monotonic()
        answer = await self._client.ask(form, custody, exchange)
        access = self._granted(answer, custody, sent_at)
        if refresh_token_in(answer) is None:
            custody.keep()
        return access

    def _granted(self, answer: Answer, custody: Custody, sent_at: float) -> AccessToken:
        if 300 <= answer.status < 500:
            custody.withdraw()
        code = self._endpoint.refusal(answer)
        if code is not None:
            raise AuthorisationError(self._refused(code, custody))
        access = self._endpoint.access_token(answer, sent_at)
        self.granted += 1
        return access

    def _refused(self, code: str, custody: Custody) -> str:
        source = f" from {custody.offered.source}" if custody.offered is not None else ""
        said = f"{self._endpoint.host} refused the refresh token{source} ({code})"
        if code in _OF_THE_APPLICATION:
            said = f"{self._endpoint.host} does not accept this application ({code})"
            return f"{said}: {advice(code, Request.REFRESH)}."
        if code == "invalid_grant" and custody.in_doubt_since is not None:
            return (
                f"{said}. It had been sent at {custody.in_doubt_since:%Y-%m-%d %H:%M:%S} UTC and the answer was lost "
                "before it could be stored: most likely the next refresh token was in that answer. "
                f"{LOGIN.capitalize()}.{self._other_ways(custody)}"
            )
        return f"{said}: {advice(code, Request.REFRESH)}.{self._other_ways(custody)}"

    def _other_ways(self, custody: Custody) -> str:
        """The alternatives to a login if a provided token was refused."""
        if custody.offered is None:
            return ""
        if custody.keeps_another:
            return f" Or correct or remove the provided token: the former one is still in {self._store.home.path}."
        return " Or correct the provided token."


def _store_successor(custody: Custody, answer: Answer) -> None:
    """Store the next refresh token; the rest of the answer may be unusable."""
    successor = refresh_token_in(answer)
    if successor is not None:
        custody.write(successor)


def _warn_of_doubt(error: str, what_next: str) -> None:
    """Log that the token may be spent."""
    text = "%s The refresh token was sent and may be spent; %s."
    logger.warning(text, error, what_next, extra=event("token.maybe_spent", error=error))
