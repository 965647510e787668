"""What follows a consent: its code becomes the first refresh token (RFC 6749 section 4.1.3)."""

from __future__ import annotations

import time

from pydantic import SecretStr

from ...config.settings import Config
from ...errors import AuthorisationError, ConfigError
from ...support.uninterrupted import Departure, uninterrupted
from ..auth.grants import RefreshTokenGrant
from ..auth.token_endpoint import AccessToken, TokenEndpoint, basic, refresh_token_in
from ..http import Answer, Transport
from ..token_store.custody import Custody
from ..token_store.store import TokenStore
from .consent import Consent

_AGAIN = "run `bds-async login` again"
_WHAT_TO_DO = {
    "invalid_grant": "it has expired, was used before, or belongs to another redirect address or application; "
    f"{_AGAIN}, and don't let more than a minute pass between the consent and the paste",
    "invalid_client": "client_id and client_secret are not those of a registered application; "
    f"correct them, and {_AGAIN}",
    "unauthorized_client": f"the application may not redeem codes; check it under Manage Extensibility, and {_AGAIN}",
    "unsupported_grant_type": f"it does not take authorization codes; check auth_service, and {_AGAIN}",
    "invalid_scope": f"the application is not registered for the scope; correct --scope, and {_AGAIN}",
    "access_denied": f"the user or the application lacks a permission; restore it, and {_AGAIN}",
}
_UNKNOWN = f"check client_id, client_secret and --redirect-uri, and {_AGAIN}"


class CodeGrant:
    """A Grant whose first exchange redeems the code of a consent; once that has brought a refresh token, they refresh.

    Raises ConfigError where the config has no client_secret.
    """

    def __init__(self, config: Config, store: TokenStore, consent: Consent, code: SecretStr) -> None:
        if config.client_secret is None:
            raise ConfigError("client_secret is missing: the code is redeemed with client_id and secret.")
        self._endpoint = TokenEndpoint(config)
        self._client = basic(config.client_id, config.client_secret)
        self._store = store
        self._consent = consent
        self._code: SecretStr | None = code
        self._refresh = RefreshTokenGrant(config, store)

    async def exchange(self) -> AccessToken:
        """One exchange; once its request is on its way nothing stops it before the refresh token is stored."""
        if self._code is None:
            return await self._refresh.exchange()
        form = self._form(self._code)
        custody = await self._store.take()
        return await uninterrupted(lambda departure: self._in_custody(form, custody, departure))

    def _form(self, code: SecretStr) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "code": code.get_secret_value(),
            "redirect_uri": self._consent.redirect_uri,
            "code_verifier": self._consent.verifier.get_secret_value(),
        }

    async def _in_custody(self, form: dict[str, str], custody: Custody, departure: Departure) -> AccessToken:
        with custody:
            custody.prove_writable()
            async with Transport(connections=1, connected=departure.mark) as transport:
                sent_at = time.monotonic()
                answer = await self._endpoint.ask(transport, form, self._client)
                self._store_token(answer, custody)
                return self._granted(answer, sent_at)

    def _store_token(self, answer: Answer, custody: Custody) -> None:
        """Before anything else is made of the answer; from then on the code is of no use."""
        token = refresh_token_in(answer)
        if token is not None:
            custody.write(token)
            self._code = None

    def _granted(self, answer: Answer, sent_at: float) -> AccessToken:
        code = self._endpoint.refusal(answer)
        if code is not None:
            what = _WHAT_TO_DO.get(code, _UNKNOWN)
            raise AuthorisationError(f"{self._endpoint.host} refused the authorization code ({code}): {what}.")
        if self._code is not None:
            raise AuthorisationError(
                f"{self._endpoint.host} gave no refresh token; enable refresh tokens for the application under Manage "
                f"Extensibility, and {_AGAIN}."
            )
        return self._endpoint.access_token(answer, sent_at)
