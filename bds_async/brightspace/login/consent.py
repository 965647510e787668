"""A person's consent: the address of the consent page, and the redirect back (RFC 6749 section 4.1, RFC 7636).

The code in a redirect can be exchanged for a refresh token, so no message quotes a redirect.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

from pydantic import SecretStr
from yarl import URL

from ...config import Config, is_loopback
from ...errors import AuthorisationError, ConfigError
from ..auth import Request, advice

#: Upper bound for the characters of an error description in a message.
_LONGEST_DESCRIPTION = 200


class ForeignRedirect(ConfigError):
    """An address that does not answer this consent: of another page, of an earlier login, or incomplete."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One request for consent: `state` binds the answer to it, `verifier` (PKCE) binds the code to this process."""

    auth_service: str
    client_id: str
    redirect_uri: str
    scope: str
    state: str = field(repr=False)
    verifier: SecretStr

    @classmethod
    def ask(cls, config: Config, redirect_uri: str, scope: str) -> Self:
        """Create a request with a new `state` and verifier; `scope` is space-separated. Raises ConfigError."""
        verifier = SecretStr(secrets.token_urlsafe(64))
        state = secrets.token_urlsafe(32)
        return cls(config.auth_service, config.client_id, redirect_address(redirect_uri), scope, state, verifier)

    @property
    def page(self) -> URL:
        """The address of the consent page: `{auth_service}/oauth2/auth`."""
        return (URL(self.auth_service) / "oauth2" / "auth").with_query(
            {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": self.redirect_uri,
                "scope": self.scope,
                "state": self.state,
                "code_challenge": challenge(self.verifier.get_secret_value()),
                "code_challenge_method": "S256",
            }
        )

    def code_in(self, redirect: str) -> SecretStr:
        """The authorization code in the address that the browser was redirected to.

        Raises ForeignRedirect if it does not answer this consent, AuthorisationError if consent was refused.
        """
        query = _query(redirect)
        if not hmac.compare_digest(query.get("state", "").encode(), self.state.encode()):
            raise ForeignRedirect(
                "That address does not belong to this consent (its state differs, or is missing): consent at the page "
                "shown above, then copy the whole address that the browser ends on."
            )
        if "error" in query:
            raise AuthorisationError(_refusal(query))
        if not query.get("code"):
            raise ForeignRedirect("That address holds no code; copy the whole address that the browser ends on.")
        return SecretStr(query["code"])


def redirect_address(text: str) -> str:
    """Return the text unchanged if it can be a registered redirect address; raises ConfigError if not.

    It is sent unchanged, since auth services compare it as a string (RFC 6749 section 3.1.2.3).
    """
    try:
        url = URL(text)
        host = url.host or ""
    except ValueError:
        url, host = URL(), ""
    acceptable = url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
    if not (host and acceptable) or "#" in text:
        raise ConfigError(
            "--redirect-uri must be the https address that the application is registered with, such as "
            "https://localhost:8765/callback (plain http is for loopback addresses only; no #)."
        )
    return text


def challenge(verifier: str) -> str:
    """The code challenge of a verifier, by method S256 (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _query(redirect: str) -> Mapping[str, str]:
    """The parameters of a pasted address, which may have quotes and blanks around it, or lack its beginning."""
    text = redirect.strip().strip("'\"<>").strip()
    _, mark, query = text.partition("?")
    pairs = parse_qsl((query if mark else text).partition("#")[0])
    # RFC 6749 section 3.1: no parameter may occur twice.
    return {} if len({name for name, _ in pairs}) < len(pairs) else dict(pairs)


def _refusal(query: Mapping[str, str]) -> str:
    code = "".join(character for character in query["error"][:40] if character in _CODE_CHARACTERS)
    description = query.get("error_description", "")[:_LONGEST_DESCRIPTION]
    said = f", saying {description!a}" if description else ""
    what = advice(code, Request.CONSENT)
    return f"The auth service sent the browser back without a code ({code or 'an error'}{said}): {what}."


_CODE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz_")
