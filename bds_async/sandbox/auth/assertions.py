"""Service users: client assertions in place of a secret (RFC 7523), signed with RS256, each valid for one use."""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from .tokens import GrantRefused

KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Longest accepted lifetime of an assertion, in seconds.
LONGEST_LIFE = 3600.0


class AssertionChecker:
    """The registered public keys, and the assertions used so far."""

    def __init__(self, clock: Clock, client_id: str) -> None:
        self._clock, self._client_id = clock, client_id
        self._keys: dict[str, Any] = {}
        self._seen: dict[str, float] = {}

    def register(self, public_pem: str | bytes, key_id: str) -> None:
        """Register a public key in PEM; RuntimeError without pyjwt[crypto], ValueError if it is not an RSA key."""
        try:
            from jwt import InvalidKeyError
            from jwt.algorithms import RSAAlgorithm
        except ImportError as error:
            raise RuntimeError("service users in the sandbox need the extra 'service-user' (pyjwt[crypto])") from error
        try:
            self._keys[key_id] = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(public_pem)
        except InvalidKeyError as error:
            raise ValueError(f"the key {key_id} is not a public RSA key in PEM") from error

    def check(self, kind: str | None, assertion: str, audience: str) -> None:
        """Check the key, client, audience, expiry and single use of an assertion (GrantRefused)."""
        if kind != KIND or not self._keys:
            raise _refused("the assertion type is not known, or no key is registered")
        claims = self._claims(assertion, audience)
        now = self._clock.wall()
        if claims["iss"] != self._client_id or claims["sub"] != self._client_id:
            raise _refused("iss and sub must be the client id")
        if not now < float(claims["exp"]) <= now + LONGEST_LIFE:
            raise _refused("exp is in the past, or too far ahead")
        self._remember(str(claims["jti"]), float(claims["exp"]), now)

    def _claims(self, assertion: str, audience: str) -> dict[str, Any]:
        import jwt

        try:
            key = self._keys.get(str(jwt.get_unverified_header(assertion).get("kid")))
            if key is None:
                raise _refused("no key is registered under this kid")
            # The expiry is checked with the sandbox's own clock.
            options: Any = {"require": ["iss", "sub", "aud", "exp", "jti"], "verify_exp": False}
            return jwt.decode(assertion, key, algorithms=["RS256"], audience=audience, options=options)
        except jwt.PyJWTError as error:
            raise _refused(type(error).__name__) from error

    def _remember(self, jti: str, expires: float, now: float) -> None:
        self._seen = {known: until for known, until in self._seen.items() if until > now}
        if jti in self._seen:
            raise _refused("this jti has been used")
        self._seen[jti] = expires


def _refused(reason: str) -> GrantRefused:
    return GrantRefused("invalid_client", f"The client assertion is refused: {reason}.", 401)
