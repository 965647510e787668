"""The token endpoint of the auth service (RFC 6749 sections 3.2 and 5): one request, and the meaning of its answer.

No message quotes an answer: it can hold tokens, or be anything that a proxy sends in its place.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from pydantic import SecretStr
from yarl import URL

from ...errors import ConfigError, ExtractError, Throttled, TransientError, UnreachableError
from ..http import Answer, Transport
from ..retry import TRANSIENT_STATUSES, retry_after
from .access_token import AccessToken, parse_access_token

#: Upper bound in seconds for a whole exchange: an answer that arrives byte by byte must not hold the lock for ever.
TIMEOUT = 120.0
#: Error codes (RFC 6749 sections 4.1.2.1 and 5.2) after which another try can succeed.
_TRANSIENT_CODES = frozenset({"server_error", "temporarily_unavailable"})
_ACCEPT = {"Accept": "application/json"}


class TokenEndpoint:
    """`POST {auth_service}/core/connect/token`."""

    def __init__(self, auth_service: str) -> None:
        self.url = URL(auth_service).joinpath("core", "connect", "token")
        self.host = self.url.host or "the auth service"

    async def ask(self, transport: Transport, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Send one request and read its whole answer.

        Raises TransientError (ConnectionFailed: nothing was sent), UnreachableError if another try is of no use now.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                return await transport.fetch("POST", self.url, data=form, headers={**_ACCEPT, **headers})
        except TimeoutError:
            raise TransientError(f"{self.host} sent no whole answer within {TIMEOUT:.0f} seconds.") from None
        except TransientError:
            raise
        except ExtractError as error:
            raise UnreachableError(str(error)) from None

    def refusal(self, answer: Answer) -> str | None:
        """The error code of a request that was refused for good, None for one that was granted.

        Raises TransientError if another try can succeed, ConfigError if there is no token endpoint at this address.
        """
        if answer.status == 200:
            return None
        code = _error_code(answer.body)
        if answer.status in TRANSIENT_STATUSES or answer.status >= 500 or code in _TRANSIENT_CODES:
            raise self._transient(answer)
        if code is None and (answer.status in (404, 405, 410) or answer.status < 400):
            raise ConfigError(f"{self.host} has no token endpoint (it answered {answer.status}); check auth_service.")
        return code or f"status {answer.status}"

    def access_token(self, answer: Answer, sent_at: float) -> AccessToken:
        """The access token of a 200; `sent_at` is the time.monotonic() of the request. Raises TransientError."""
        token = parse_access_token(answer.body, sent_at)
        if token is None:
            raise TransientError(f"{self.host} answered 200 without a usable access token.")
        return token

    def _transient(self, answer: Answer) -> TransientError:
        seconds = retry_after(answer.headers)
        said = f"{self.host} answered {answer.status}"
        if seconds is None:
            return TransientError(f"{said}.")
        return Throttled(f"{said} and asked to wait {seconds:.0f} s.", seconds)


def refresh_token_in(answer: Answer) -> SecretStr | None:
    """The next refresh token of a 200, None if there is none. It has to be kept even if the rest is unusable."""
    token = _object(answer.body).get("refresh_token") if answer.status == 200 else None
    if isinstance(token, str) and token.isprintable() and token.strip() == token != "":
        return SecretStr(token)
    return None


def basic(client_id: str, client_secret: SecretStr) -> dict[str, str]:
    """The header that authenticates the application (RFC 6749 section 2.3.1: form-encoded, then Basic)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret.get_secret_value())}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _error_code(body: bytes) -> str | None:
    code = _object(body).get("error")
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
