"""The exchange after a consent: the authorization code becomes the first refresh token (RFC 6749 section 4.1.3)."""

from __future__ import annotations

import time
from functools import partial

from pydantic import SecretStr

from ...config import Config
from ...errors import AuthorisationError
from ...support.uninterrupted import Departure, uninterrupted
from ..auth import (
    CONNECT_TIMEOUT,
    AccessToken,
    Client,
    Exchange,
    RefreshTokenGrant,
    Request,
    advice,
    client_of,
    refresh_token_in,
)
from ..http import Answer
from ..token_store import Custody, TokenStore, store_for
from .consent import Consent


def code_grant(config: Config, consent: Consent, code: SecretStr) -> CodeGrant:
    """The grant that redeems the code of a consent; raises ConfigError if the config has no client_secret."""
    return CodeGrant(client_of(config), store_for(config), consent, code, config.scope)


class CodeGrant:
    """A Grant whose first exchange redeems the code of a consent.

    The exchanges after that send the refresh token that the first one stored.
    """

    def __init__(
        self, client: Client, store: TokenStore, consent: Consent, code: SecretStr, scope: str | None = None
    ) -> None:
        self._endpoint, self._client = client.endpoint, client
        self._store = store
        self._consent = consent
        self._code: SecretStr | None = code
        self._refresh = RefreshTokenGrant(client, store, scope)
        self._redeemed = 0

    @property
    def granted(self) -> int:
        """The number of exchanges that returned an access token."""
        return self._redeemed + self._refresh.granted

    async def exchange(self, connect_within: float = CONNECT_TIMEOUT) -> AccessToken:
        """Make one exchange; once its request is being sent, a cancellation waits until the refresh token is stored."""
        if self._code is None:
            return await self._refresh.exchange(connect_within)
        form = self._form(self._code)
        custody = await self._store.take()
        return await uninterrupted(lambda departure: self._in_custody(form, custody, departure, connect_within))

    def _form(self, code: SecretStr) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "code": code.get_secret_value(),
            "redirect_uri": self._consent.redirect_uri,
            "code_verifier": self._consent.verifier.get_secret_value(),
        }

    async def _in_custody(
        self, form: dict[str, str], custody: Custody, departure: Departure, connect_within: float
    ) -> AccessToken:
        with custody:
            custody.prove_writable()
            exchange = Exchange(departure.mark, partial(self._store_token, custody), connect_within)
            sent_at = time.monotonic()
            answer = await self._client.ask(form, custody, exchange)
            return self._granted(answer, sent_at)

    def _store_token(self, custody: Custody, answer: Answer) -> None:
        """Store the refresh token before the answer is used; after that the code is spent."""
        token = refresh_token_in(answer)
        if token is not None:
            custody.write(token)
            self._code = None

    def _granted(self, answer: Answer, sent_at: float) -> AccessToken:
        code = self._endpoint.refusal(answer)
        if code is not None:
            what = advice(code, Request.CODE)
            raise AuthorisationError(f"{self._endpoint.host} refused the authorization code ({code}): {what}.")
        if self._code is not None:
            raise AuthorisationError(
                f"{self._endpoint.host} sent no refresh token; enable refresh tokens for the application under Manage "
                "Extensibility, and run `bds-async login` again."
            )
        access = self._endpoint.access_token(answer, sent_at)
        self._redeemed += 1
        return access
