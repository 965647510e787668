"""Service users: sign-in by a private key (RFC 7523 section 2.2). There is no refresh token."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from ...config import Config
from ...errors import AuthorisationError, ConfigError
from ...support.extras import missing
from ...support.reading import read_any
from .access_token import AccessToken
from .oauth_errors import Request, advice
from .token_endpoint import CONNECT_TIMEOUT, Exchange, TokenEndpoint

#: Seconds for which an assertion is valid; each request has its own.
ASSERTION_LIFE = 300
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def client_assertion_grant(config: Config) -> ClientAssertionGrant:
    """The grant of a config with a private key; raises ConfigError if a key is missing, or the extra `service-user`."""
    if config.private_key_file is None or config.key_id is None:
        raise ConfigError("A service user needs both private_key_file and key_id.")
    return ClientAssertionGrant(
        TokenEndpoint(config.auth_service), config.client_id, config.private_key_file, config.key_id, config.scope
    )


class ClientAssertionGrant:
    """`client_credentials` with a `client_assertion` signed by the integration's private key (RS256).

    Raises ConfigError if the extra `service-user` is not installed.
    """

    def __init__(
        self, endpoint: TokenEndpoint, client_id: str, key_file: Path, key_id: str, scope: str | None = None
    ) -> None:
        _jwt()
        self._endpoint = endpoint
        self._client_id = client_id
        self._key_file, self._key_id = key_file, key_id
        self._scope = {"scope": scope} if scope else {}
        self._kept_key: Any = None
        self.granted = 0

    async def exchange(self, connect_within: float = CONNECT_TIMEOUT) -> AccessToken:
        """Request an access token once; raises as `Grant.exchange` does."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
            **self._scope,
        }
        sent_at = time.monotonic()
        answer = await self._endpoint.ask(form, {}, Exchange(connect_within=connect_within))
        code = self._endpoint.refusal(answer)
        if code is not None:
            what = advice(code, Request.SERVICE_USER)
            raise AuthorisationError(f"{self._endpoint.host} refused the service user ({code}): {what}.")
        access = self._endpoint.access_token(answer, sent_at)
        self.granted += 1
        return access

    def _assertion(self) -> str:
        """A signed statement of the application's identity, for one request (RFC 7523 section 3)."""
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": str(self._endpoint.url),
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        }
        return str(_jwt().encode(claims, self._private_key(), algorithm="RS256", headers={"kid": self._key_id}))

    def _private_key(self) -> Any:
        """The key as currently in the file; a key from a pipe, which can be read only once, is kept."""
        if self._kept_key is not None:
            return self._kept_key
        try:
            content = read_any(self._key_file)
        except OSError as error:
            raise ConfigError(f"private_key_file {self._key_file} can't be read: {error.strerror}.") from None
        key = _rsa_key(content.data, self._key_file)
        self._kept_key = key if content.is_stream else None
        return key


def _rsa_key(content: bytes, key_file: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"private_key_file {key_file} is not an RSA private key in PEM without a passphrase.")
    return key


def _jwt() -> Any:
    """PyJWT with its cryptography, which only service users need. Raises ConfigError if it is not installed."""
    try:
        import cryptography  # noqa: F401
        import jwt
    except ImportError:
        raise missing("A service user", "pyjwt and cryptography", "service-user") from None
    return jwt
