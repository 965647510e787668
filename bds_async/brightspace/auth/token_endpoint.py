"""The token endpoint of the auth service (RFC 6749 sections 3.2 and 5): one request, and what its answer means.

No message quotes an answer: it may hold tokens, or be whatever a proxy put in its place.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from yarl import URL

from ...config.settings import Config
from ...errors import ConfigError, ExtractError, Throttled, TransientError, UnreachableError
from ..http import Answer, Transport
from ..retry import TRANSIENT_STATUSES, retry_after

#: Seconds that an exchange may take from first to last, since a trickle of bytes would hold the lock for ever.
TIMEOUT = 120.0
#: Seconds that an access token is taken to live where the answer does not say, or says nonsense (D2L's usual hour).
ASSUMED_LIFETIME = 3600.0
#: Seconds: a longer life is not believed; a token may die before its time anyway.
LONGEST_LIFETIME = 86_400.0
#: Answers of RFC 6749 section 5.2 (and of its section 4.1.2.1) that another try may get past.
_TRANSIENT_CODES = frozenset({"server_error", "temporarily_unavailable"})
#: RFC 6750 section 2.1: what can travel in a header.
_VISIBLE = r"^[\x21-\x7e]+$"


@dataclass(frozen=True, slots=True, eq=False)
class AccessToken:
    """A bearer token (RFC 6750) and how long it lives.

    `expires_at` is on the scale of time.monotonic(), `lifetime` in seconds; `scope` is what was granted, where told.
    """

    value: SecretStr
    expires_at: float
    lifetime: float
    scope: str | None = field(default=None)


class _Granted(BaseModel):
    """A successful answer (RFC 6749 section 5.1), as far as it is used."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: str = Field(pattern=_VISIBLE)
    token_type: str = Field(default="Bearer", pattern="^(?i:bearer)$")
    expires_in: Any = None
    scope: Any = None


class TokenEndpoint:
    """`POST {auth_service}/core/connect/token`."""

    def __init__(self, config: Config) -> None:
        self.url = URL(config.auth_service).joinpath("core", "connect", "token")
        self.host = self.url.host or "the auth service"

    async def ask(self, transport: Transport, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Send one request and wait for its whole answer.

        Raises TransientError (ConnectionFailed: nothing was sent), UnreachableError where another try is no use now.
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

        Raises TransientError for what another try may get past, ConfigError where there is no token endpoint.
        """
        if answer.status == 200:
            return None
        code = _error_code(answer.body)
        if answer.status in TRANSIENT_STATUSES or answer.status >= 500 or code in _TRANSIENT_CODES:
            raise self._perhaps_later(answer)
        if code is None and (answer.status in (404, 405, 410) or answer.status < 400):
            raise ConfigError(f"{self.host} has no token endpoint (it answered {answer.status}); check auth_service.")
        return code or f"status {answer.status}"

    def access_token(self, answer: Answer, sent_at: float) -> AccessToken:
        """The access token of a 200; `sent_at` is when it was asked for, by time.monotonic(). Raises TransientError."""
        try:
            granted = _Granted.model_validate_json(answer.body)
        except ValidationError:
            granted = None
        if granted is None:
            raise TransientError(f"{self.host} answered 200, but not with a usable access token.")
        lifetime = _lifetime(granted.expires_in)
        scope = granted.scope if isinstance(granted.scope, str) else None
        return AccessToken(SecretStr(granted.access_token), sent_at + lifetime, lifetime, scope)

    def _perhaps_later(self, answer: Answer) -> TransientError:
        seconds = retry_after(answer.headers)
        said = f"{self.host} answered {answer.status}"
        if seconds is None:
            return TransientError(f"{said}.")
        return Throttled(f"{said} and asked to wait {seconds:.0f} s.", seconds)


_ACCEPT = {"Accept": "application/json"}


def refresh_token_in(answer: Answer) -> SecretStr | None:
    """The next refresh token of a 200, looked for first and leniently: whatever else is wrong, it has to be kept."""
    token = _object(answer.body).get("refresh_token") if answer.status == 200 else None
    if isinstance(token, str) and token.isprintable() and token.strip() == token != "":
        return SecretStr(token)
    return None


def basic(client_id: str, client_secret: SecretStr) -> dict[str, str]:
    """The header by which the application says who it is (RFC 6749 section 2.3.1: form-encoded, then Basic)."""
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


def _lifetime(expires_in: Any) -> float:
    try:
        seconds = float(expires_in) if isinstance(expires_in, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    return min(seconds, LONGEST_LIFETIME) if 0 < seconds < math.inf else ASSUMED_LIFETIME
