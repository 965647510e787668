"""Authorization codes: valid for one use and a short time, bound to a redirect address and a PKCE challenge."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from ..clock import Clock
from .tokens import GrantRefused


@dataclass(frozen=True)
class Consent:
    """The content of a person's consent."""

    scope: str
    redirect_uri: str
    #: The S256 challenge, or None if the client does not use PKCE.
    challenge: str | None


class CodeStore:
    """Codes that were issued and not yet used."""

    def __init__(self, clock: Clock, life: float) -> None:
        self._clock, self._life = clock, life
        self._codes: dict[str, tuple[Consent, float]] = {}

    def issue(self, consent: Consent) -> str:
        """Issue a code for a consent."""
        now = self._clock.seconds()
        self._codes = {code: held for code, held in self._codes.items() if held[1] > now}
        code = secrets.token_urlsafe(24)
        self._codes[code] = (consent, now + self._life)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str | None) -> str:
        """Return the scope of a code; the code is spent even if it is refused (GrantRefused)."""
        consent, expires = self._codes.pop(code, (None, 0.0))
        if consent is None or expires <= self._clock.seconds():
            raise GrantRefused("invalid_grant", "The code is unknown, has been used, or has expired.")
        if consent.redirect_uri != redirect_uri:
            raise GrantRefused("invalid_grant", "The redirect URI is not the one that the code was sent to.")
        if not _proves(verifier, consent.challenge):
            raise GrantRefused("invalid_grant", "The code verifier does not fit the challenge.")
        return consent.scope


def _proves(verifier: str | None, challenge: str | None) -> bool:
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge.rstrip("="))
