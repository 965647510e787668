"""The access token in the answer to a token request (RFC 6749 section 5.1, RFC 6750)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

#: Seconds that an access token is assumed to live if the answer gives no usable lifetime (D2L's usual hour).
ASSUMED_LIFETIME = 3600.0
#: Upper bound in seconds for the lifetime in an answer.
LONGEST_LIFETIME = 86_400.0
#: RFC 6750 section 2.1: the characters that can be sent in a header.
_VISIBLE = r"^[\x21-\x7e]+$"


@dataclass(frozen=True, slots=True, eq=False)
class AccessToken:
    """A bearer token (RFC 6750) and its lifetime.

    `expires_at` is on the scale of time.monotonic(), `lifetime` in seconds; `scope` is the granted scope, None if the
    answer does not name it.
    """

    value: SecretStr
    expires_at: float
    lifetime: float
    scope: str | None = field(default=None)


class _Granted(BaseModel):
    """The fields of a successful answer that are used (RFC 6749 section 5.1)."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: str = Field(pattern=_VISIBLE)
    token_type: str = Field(default="Bearer", pattern="^(?i:bearer)$")
    expires_in: Any = None
    scope: Any = None


def access_token_of(fields: Mapping[str, Any], sent_at: float) -> AccessToken | None:
    """The access token in the fields of a successful answer, None if there is no usable one.

    `sent_at` is the time.monotonic() of the request.
    """
    try:
        granted = _Granted.model_validate(fields)
    except ValidationError:
        return None
    lifetime = _lifetime(granted.expires_in)
    scope = granted.scope if isinstance(granted.scope, str) else None
    return AccessToken(SecretStr(granted.access_token), sent_at + lifetime, lifetime, scope)


def _lifetime(expires_in: Any) -> float:
    try:
        seconds = float(expires_in) if isinstance(expires_in, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    return min(seconds, LONGEST_LIFETIME) if 0 < seconds < math.inf else ASSUMED_LIFETIME
