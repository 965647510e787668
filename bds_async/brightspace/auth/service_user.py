"""Service users: a private key signs in (RFC 7523 section 2.2), and no token rotates."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from ...config.settings import Config
from ...errors import AuthorisationError, ConfigError
from ..http import Transport
from .token_endpoint import AccessToken, TokenEndpoint

#: Seconds for which an assertion may be used; each request makes its own.
ASSERTION_LIFE = 300
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_KEY = "check client_id, key_id and private_key_file, that the JWKS URL serves the public key, and this machine's clock"
_WHAT_TO_DO = {
    "invalid_grant": _KEY,
    "invalid_client": _KEY,
    "unauthorized_client": "the application may not sign in as a service user; check it under Manage Extensibility",
    "invalid_scope": "the scope asks for more than the application was granted; correct it",
    "unsupported_grant_type": "it does not know client_credentials; check auth_service",
    "access_denied": "the service user has lost its permission; restore it",
}


class ClientAssertionGrant:
    """`client_credentials` with a `client_assertion` signed by the integration's private key (RS256).

    Raises ConfigError if the extra `service-user` is not installed.
    """

    def __init__(self, config: Config) -> None:
        if config.private_key_file is None or config.key_id is None:
            raise ConfigError("A service user needs both private_key_file and key_id.")
        _jwt()
        self._endpoint = TokenEndpoint(config)
        self._client_id = config.client_id
        self._key_file, self._key_id = config.private_key_file, config.key_id
        self._scope = {"scope": config.scope} if config.scope else {}

    async def exchange(self) -> AccessToken:
        """Ask for an access token once; raises as `Grant.exchange` does."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
            **self._scope,
        }
        async with Transport(connections=1) as transport:
            sent_at = time.monotonic()
            answer = await self._endpoint.ask(transport, form, {})
        code = self._endpoint.refusal(answer)
        if code is not None:
            what = _WHAT_TO_DO.get(code, _KEY)
            raise AuthorisationError(f"{self._endpoint.host} refused the service user ({code}): {what}.")
        return self._endpoint.access_token(answer, sent_at)

    def _assertion(self) -> str:
        """A signed statement that the application is who it says, good for one request (RFC 7523 section 3)."""
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": str(self._endpoint.url),
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        }
        return _signed(claims, self._key_file, self._key_id)


def _signed(claims: dict[str, Any], key_file: Path, key_id: str) -> str:
    return str(_jwt().encode(claims, _private_key(key_file), algorithm="RS256", headers={"kid": key_id}))


def _private_key(key_file: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"private_key_file {key_file} can't be read: {error.strerror}.") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"private_key_file {key_file} is not an RSA private key in PEM without a passphrase.")
    return key


def _jwt() -> Any:
    """PyJWT with its cryptography, which only service users need."""
    try:
        import cryptography  # noqa: F401
        import jwt
    except ImportError:
        raise ConfigError("Service users need an extra: pip install 'bds-async[service-user]'") from None
    return jwt
