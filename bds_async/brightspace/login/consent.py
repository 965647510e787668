"""One consent of a person: the page's address, and the redirect that answers it (RFC 6749 section 4.1, RFC 7636).

The code in a redirect is worth a refresh token, so no message quotes a redirect.
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

from ...config.addresses import is_loopback
from ...config.settings import Config
from ...errors import AuthorisationError, ConfigError

_AGAIN = "run `bds-async login` again"
_EXTENSIBILITY = f"check the application under Manage Extensibility, then {_AGAIN}"
#: What the errors of RFC 6749 section 4.1.2.1 mean for the person at the page.
_MEANING = {
    "access_denied": f"the consent was refused; {_AGAIN} as a user who may allow it, and allow it",
    "invalid_scope": f"the application is not registered for this scope; correct --scope, or {_EXTENSIBILITY}",
    "unauthorized_client": f"the application may not ask for consent; {_EXTENSIBILITY}",
    "unsupported_response_type": f"the auth service knows no authorization codes; check auth_service and {_AGAIN}",
    "invalid_request": f"the request made no sense to it; is --redirect-uri the registered one? Then {_AGAIN}",
    "server_error": f"it failed; {_AGAIN} later",
    "temporarily_unavailable": f"it is too busy; {_AGAIN} later",
}
#: Characters of an error description that are shown.
_LONGEST_DESCRIPTION = 200


class ForeignRedirect(ConfigError):
    """An address that is not the answer to this consent: another page's, an older sign-in's, or half of one."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One request for consent: `state` ties the answer to it, `verifier` (PKCE) ties the code to this process."""

    auth_service: str
    client_id: str
    redirect_uri: str
    scope: str
    state: str = field(repr=False)
    verifier: SecretStr

    @classmethod
    def ask(cls, config: Config, redirect_uri: str, scope: str) -> Self:
        """A request of its own `state` and verifier; `scope` is space-separated. Raises ConfigError."""
        verifier = SecretStr(secrets.token_urlsafe(64))
        state = secrets.token_urlsafe(32)
        return cls(config.auth_service, config.client_id, redirect_address(redirect_uri), scope, state, verifier)

    @property
    def page(self) -> URL:
        """Where the person consents: `{auth_service}/oauth2/auth`."""
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
        """The authorization code in the address that the browser was sent to.

        Raises ForeignRedirect if it does not answer this consent, AuthorisationError if it says no.
        """
        query = _query(redirect)
        if not hmac.compare_digest(query.get("state", "").encode(), self.state.encode()):
            raise ForeignRedirect(
                "That is not the address that this consent led to (its state differs, or is missing): copy the whole "
                "address that the browser ended on, after consenting at the page shown above."
            )
        if "error" in query:
            raise AuthorisationError(_refusal(query))
        if not query.get("code"):
            raise ForeignRedirect("That address holds no code; copy the whole address that the browser ended on.")
        return SecretStr(query["code"])


def redirect_address(text: str) -> str:
    """The same text if an application can be registered with it; ConfigError for any other address.

    It is sent as it was given, since auth services compare it letter by letter (RFC 6749 section 3.1.2.3).
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
            "https://localhost:8765/callback (plain http is for loopback addresses alone; no #)."
        )
    return text


def challenge(verifier: str) -> str:
    """S256 of RFC 7636 section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _query(redirect: str) -> Mapping[str, str]:
    """The parameters of a pasted address; quotes and blanks around it don't matter, nor does a missing beginning."""
    text = redirect.strip().strip("'\"<>").strip()
    _, mark, query = text.partition("?")
    pairs = parse_qsl((query if mark else text).partition("#")[0])
    # RFC 6749 section 3.1: no parameter may come twice.
    return {} if len({name for name, _ in pairs}) < len(pairs) else dict(pairs)


def _refusal(query: Mapping[str, str]) -> str:
    code = "".join(character for character in query["error"][:40] if character in _CODE_CHARACTERS)
    meaning = _MEANING.get(code, _EXTENSIBILITY)
    description = query.get("error_description", "")[:_LONGEST_DESCRIPTION]
    said = f", saying {description!a}" if description else ""
    return f"The auth service sent the browser back without a code ({code or 'an error'}{said}): {meaning}."


_CODE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz_")
