"""Authorised requests to one tenant: bearer, origin rule, redirects, the gate."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from ..errors import (
    CatalogueError,
    ConnectionFailed,
    ConnectionLost,
    ExtractError,
    TransientError,
    Unauthorised,
    UnreachableError,
)
from .auth import AccessToken, TokenRefresher
from .gate import Gate
from .http.transport import Transport, read_bounded
from .links import origin_of, to_url
from .retry import Tries, retrying
from .statuses import REDIRECTS, asked_wait, raise_for_status, redirect_target

Result = TypeVar("Result")

MAX_REDIRECTS = 10
#: How many fresh access tokens one request may try before the tenant's 401 is taken as its last word.
FRESH_TOKENS = 3
#: The one route that needs no token, so that its answer says nothing about one.
VERSIONS = "/d2l/api/versions/"


class Tenant:
    """One Brightspace site; the bearer goes to its origin alone (RFC 6750 section 5.3).

    `attempts` is how often a JSON route is tried.
    """

    def __init__(
        self, url: str, transport: Transport, tokens: TokenRefresher, gate: Gate, *, attempts: int = 6
    ) -> None:
        self.origin = URL(url).origin()
        self._transport = transport
        self._tokens = tokens
        self._gate = gate
        self._attempts = attempts
        #: How often a JSON route was asked again after a failure.
        self.retries = 0
        self._renewed: AccessToken | None = None
        self._witness: URL | None = None

    def own(self, link: str, route: str) -> URL:
        """A link out of a listing, which has to stay on the tenant; raises CatalogueError for a foreign one."""
        url = self.origin.join(to_url(link))
        if not self.is_own(url):
            raise CatalogueError(
                f"{route} leads to {url.host}, but the token is for {self.origin}; "
                f"if that is the tenant's own name, set bspace_url to {origin_of(url)}."
            )
        return url

    def is_own(self, url: URL) -> bool:
        """Whether the bearer may go there."""
        return origin_of(url) == self.origin

    async def json(self, url: URL, what: str | None = None) -> Any:
        """GET one of the tenant's JSON routes; `what` it is stands in the log of each retry.

        Raises RefusedRequest for a status that stays, TransientError when every try failed, AuthorisationError,
        UnreachableError.
        """
        async for attempt in retrying(Tries(self._attempts), what or url.path):
            self.retries += attempt.retry_state.attempt_number > 1
            with attempt:
                return await self.outlasting(partial(self._json, url))
        raise AssertionError("unreachable: the last failure is raised")

    async def _json(self, url: URL) -> Any:
        async with self.open(url) as response:
            self._witness = self._witness if url.path == VERSIONS else url
            return _decoded(await read_bounded(response), url)

    async def outlasting(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """What `ask` brings; what an outage of the tenant has broken is asked for again once that is over.

        Whoever counts tries does so outside of this: an outage is nobody's failure. Raises as `ask` does.
        """
        while True:
            outages = self._gate.outages
            try:
                return await ask()
            except (ConnectionFailed, ConnectionLost):
                await self._answers()
                if self._gate.outages == outages:
                    raise

    async def _answers(self) -> None:
        """Wait until the tenant answers, whatever it says, or has been given up (`GET /d2l/api/versions/`)."""
        with suppress(ExtractError, UnreachableError):
            async with self._own_answer(self.origin.with_path(VERSIONS), {}):
                pass

    @asynccontextmanager
    async def open(self, url: URL, headers: Mapping[str, str] | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET `url` and hand over the answer (200, 206 or 416) with its body unread.

        Redirects are followed by the origin rule: a foreign host is asked without the bearer, over https.
        Raises as `json` does, without retrying.
        """
        url, sender = self.origin.join(url), None
        for _ in range(MAX_REDIRECTS):
            async with self._answer(url, headers or {}, sender) as response:
                if response.status not in REDIRECTS:
                    raise_for_status(response, self.is_own(url))
                    yield response
                    return
                sender, url = url.host, redirect_target(response)
        raise ExtractError(f"{url.host} redirects in a circle; stopped after {MAX_REDIRECTS} redirects.")

    @asynccontextmanager
    async def _answer(
        self, url: URL, headers: Mapping[str, str], sender: str | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Answered by the tenant, or by another to whom the host `sender` has redirected the request."""
        if self.is_own(url):
            async with self._own_answer(url, headers) as response:
                yield response
        else:
            self._check_foreign(url)
            with _tracing(sender):
                async with self._transport.open("GET", url, headers=headers) as response:
                    yield response

    @asynccontextmanager
    async def _own_answer(self, url: URL, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Answered by the tenant: outages are waited out, and a refused access token is renewed."""
        refused = 0
        while True:
            async with AsyncExitStack() as stack:
                try:
                    async with self._gate.passage():
                        token = await self._token()
                        request = self._transport.open("GET", url, headers={**headers, **_bearer(token)})
                        response = await stack.enter_async_context(request)
                        self._tell_gate(response)
                except ConnectionFailed as error:
                    self._gate.unreachable(error)
                    continue
                if response.status == 401 and await self._renews(token, url, refused):
                    refused += 1
                    continue
                yield response
                return

    async def _renews(self, token: AccessToken, url: URL, refused: int) -> bool:
        """Whether there is another token to try; raises Unauthorised where it is not the token that is refused."""
        if token is self._renewed and await self._is_taken(token):
            raise Unauthorised(
                f"{url.path} answered 401 to a fresh access token that is good for other requests; "
                "check the scope and what the user may see."
            )
        if refused >= FRESH_TOKENS:
            return False
        self._renewed = await self._another(token)
        return True

    async def _is_taken(self, token: AccessToken) -> bool:
        """Whether the tenant takes a token now where it took one before; outages are waited out."""
        while self._witness is not None:
            try:
                request = self._transport.open("GET", self._witness, headers=_bearer(token))
                async with self._gate.passage(), request as response:
                    self._tell_gate(response)
                    return response.status != 401
            except ConnectionFailed as error:
                self._gate.unreachable(error)
        return False

    async def _token(self) -> AccessToken:
        try:
            return await self._tokens.token()
        except UnreachableError as error:
            self._gate.close(error)
            raise

    async def _another(self, refused: AccessToken) -> AccessToken:
        try:
            return await self._tokens.renew(refused)
        except UnreachableError as error:
            self._gate.close(error)
            raise

    def _tell_gate(self, response: aiohttp.ClientResponse) -> None:
        self._gate.answered(response.headers)
        seconds = asked_wait(response)
        if seconds is not None:
            self._gate.hold(f"{self.origin.host} asked to wait ({response.status})", seconds)

    def _check_foreign(self, url: URL) -> None:
        if url.scheme != "https" and not (url.scheme == "http" and self.origin.scheme == "http"):
            raise ExtractError(f"The download leads to {url.host} by {url.scheme}, not https; it is not fetched.")


@contextmanager
def _tracing(sender: str | None) -> Iterator[None]:
    """Have a host that can't be reached told together with the one that redirects there: it may be at fault."""
    try:
        yield
    except ConnectionFailed as error:
        if sender is None:
            raise
        raise ConnectionFailed(f"{error} {sender} redirects there.") from None


def _bearer(token: AccessToken) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.value.get_secret_value()}"}


def _decoded(body: bytes, url: URL) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "something else"
        raise TransientError(f"{url.path} answered {kind} in place of JSON.") from None
