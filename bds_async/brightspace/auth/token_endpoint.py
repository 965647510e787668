"""The token endpoint of the auth service (RFC 6749 sections 3.2 and 5): one request, and the meaning of its answer.

No message quotes an answer: it can hold tokens, or be anything that a proxy sends in its place.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import SecretStr
from yarl import URL

from ...errors import ConfigError, ConnectionFailed, ExtractError, Throttled, TransientError, UnreachableError
from ..http import Answer, Transport, place_of
from ..retry import TRANSIENT_STATUSES, retry_after
from .access_token import AccessToken, access_token_of

#: Upper bound in seconds for the time before a connection is made.
CONNECT_TIMEOUT = 30.0
#: Upper bound in seconds for the rest of an exchange: an answer that arrives byte by byte must not hold the lock.
TIMEOUT = 120.0
#: Error codes (RFC 6749 sections 4.1.2.1 and 5.2) after which another try can succeed.
_TRANSIENT_CODES = frozenset({"server_error", "temporarily_unavailable"})
#: No coding: a part of an answer must be readable.
_ACCEPT = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Exchange:
    """Callbacks of a request to the token endpoint: `departed` before it is sent, `arrived` with its answer.

    An answer that breaks off arrives, too: it may hold a token. `connect_within` bounds the seconds until a connection
    is made. Nothing is awaited between the last byte of the answer and `arrived`, so only a kill at this very moment
    can lose a token in it.
    """

    def __init__(
        self,
        departed: Callable[[], object] = lambda: None,
        arrived: Callable[[Answer], object] = lambda _: None,
        connect_within: float = CONNECT_TIMEOUT,
    ) -> None:
        self.departed = departed
        self.arrived = arrived
        self.connect_within = connect_within


class TokenEndpoint:
    """`POST {auth_service}/core/connect/token`."""

    def __init__(self, auth_service: str) -> None:
        self.url = URL(auth_service).joinpath("core", "connect", "token")
        self.host = self.url.host or "the auth service"

    async def ask(self, form: Mapping[str, str], headers: Mapping[str, str], exchange: Exchange) -> Answer:
        """Send one request and read its whole answer.

        Raises TransientError (ConnectionFailed: nothing was sent), UnreachableError if another try is pointless now.
        """
        try:
            return await self._fetch(form, {**_ACCEPT, **headers}, exchange)
        except TransientError:
            raise
        except ExtractError as error:
            raise UnreachableError(str(error)) from None

    async def _fetch(self, form: Mapping[str, str], headers: Mapping[str, str], exchange: Exchange) -> Answer:
        is_connected = False

        def connected() -> None:
            """Note that the request is about to be sent, and start the time limit of its answer."""
            nonlocal is_connected
            is_connected = True
            exchange.departed()
            with suppress(RuntimeError):  # the clock has just expired
                clock.reschedule(asyncio.get_running_loop().time() + TIMEOUT)

        try:
            async with asyncio.timeout(exchange.connect_within) as clock:
                async with Transport(connections=1, connected=connected) as transport:
                    answer = await transport.fetch(
                        "POST", self.url, data=form, headers=headers, broken=exchange.arrived
                    )
                    exchange.arrived(answer)
                    return answer
        except TimeoutError:
            if is_connected:
                raise TransientError(f"{self.host} sent no whole answer within {TIMEOUT:.0f} seconds.") from None
            within = f"{exchange.connect_within:.0f} s"
            raise ConnectionFailed(f"Could not connect to {place_of(self.url)} within {within}.") from None

    def error_code(self, answer: Answer) -> str | None:
        """The OAuth error code of an answer, None if it has none; `status 4xx` for an `error` that is not a code."""
        error = _object(answer.body).get("error")
        if not isinstance(error, str):
            return None
        return error if re.fullmatch(r"[a-z_]{1,40}", error) else f"status {answer.status}"

    def refusal(self, answer: Answer) -> str | None:
        """The error code of a request that was refused for good, None for one that was granted.

        An answer without an `error` in JSON is not from an auth service, so another try can succeed. Raises
        TransientError then, ConfigError if there is no token endpoint at this address.
        """
        if answer.status == 200:
            return None
        code = self.error_code(answer)
        if answer.status in TRANSIENT_STATUSES or answer.status >= 500 or code in _TRANSIENT_CODES:
            raise self._transient(answer)
        if code is None and answer.status in (404, 405, 410):
            raise ConfigError(f"{self.host} has no token endpoint (it answered {answer.status}); check auth_service.")
        if code is None:
            raise TransientError(
                f"{self.host} answered {answer.status} with {_described(answer)} in place of an OAuth answer; "
                "a proxy, a firewall or a login page of the network may have sent it."
            )
        return code

    def access_token(self, answer: Answer, sent_at: float) -> AccessToken:
        """The access token of a 200; `sent_at` is the time.monotonic() of the request. Raises TransientError."""
        token = access_token_of(_object(answer.body), sent_at)
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
    """The next refresh token in a success, None if there is none.

    It has to be kept even if the rest of the answer is unusable, has not arrived, or is no JSON.
    """
    if not 200 <= answer.status < 300:
        return None
    token = (_object(answer.body) or _object(b"{%s}" % _field_in(answer.body))).get("refresh_token")
    if isinstance(token, str) and token.isprintable() and token.strip() == token != "":
        return SecretStr(token)
    return None


def _field_in(body: bytes) -> bytes:
    """The last whole `"refresh_token": "…"` in a damaged JSON object; empty if there is none."""
    if not body.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        return b""
    return b"".join(re.findall(rb'"refresh_token"\s*:\s*"(?:[^"\\]|\\.)*"', body)[-1:])


def _described(answer: Answer) -> str:
    """Describe an answer: by the host of a redirect, else by the media type of its body."""
    with suppress(ValueError):
        if 300 <= answer.status < 400 and (host := URL(answer.headers.get("Location", "")).host):
            return f"a redirect to {host[:100]}"
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not answer.body:
        return "an empty body"
    return f"a body of {media_type}" if re.fullmatch(r"[\w.+-]{1,50}/[\w.+-]{1,50}", media_type) else "a body"


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
