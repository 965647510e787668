"""One Brightspace site: its data sets and extracts, the origin rule, redirects."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from ..errors import (
    AuthorisationError,
    CatalogueError,
    ConnectionFailed,
    ConnectionLost,
    ExtractError,
    RefusedRequest,
    TransientError,
    UnreachableError,
)
from ..models import DataSet, Extract
from .auth import TokenRefresher
from .authorised import AuthorisedRequests
from .catalogue import Catalogue, read_catalogue
from .gate import Gate
from .http import Transport, host_of, is_public, read_bounded
from .http.reading import ANSWER_TIMEOUT
from .links import bspace_url_for, is_signed, origin_of, to_url
from .retry import Tries, retrying
from .routes import VERSIONS
from .statuses import REDIRECTS, raise_for_status, redirect_target

Result = TypeVar("Result")

MAX_REDIRECTS = 10


class Tenant:
    """One Brightspace site; the bearer is sent to its origin alone (RFC 6750 section 5.3).

    `attempts` is the number of tries of a JSON route, `retries` counts the repeated ones; `api_version` is the LP
    version to use, None for the newest that both sides know.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        tokens: TokenRefresher,
        gate: Gate,
        *,
        attempts: int = 6,
        api_version: str | None = None,
    ) -> None:
        self.origin = URL(url).origin()
        self._is_public = is_public(self.origin.host or "")
        self.retries = 0
        self._transport = transport
        self._requests = AuthorisedRequests(transport, tokens, gate)
        self._gate = gate
        self._attempts = attempts
        self._api_version = api_version
        self._catalogue: Catalogue | None = None

    async def data_sets(self) -> AsyncIterator[DataSet]:
        """Each data set that the tenant lists, by the new routes or the old ones; one with a `fault` can't be listed.

        Raises CatalogueError, AuthorisationError, ConfigError, UnreachableError, always before the first data set:
        an incomplete list is never taken for a whole one.
        """
        for data_set in (await self.catalogue()).data_sets:
            yield data_set

    async def extracts(self, data_set: DataSet) -> AsyncIterator[Extract]:
        """Each extract of a data set that the tenant still lists, both types, in no promised order.

        `GET …/datasets/bds/{schemaId}/extracts`. Raises as `data_sets` does, and ExtractError, always before the
        first extract.
        """
        for extract in await (await self.catalogue()).extracts(data_set):
            yield extract

    async def catalogue(self) -> Catalogue:
        """The list of data sets, read once; raises as `data_sets` does."""
        if self._catalogue is None:
            self._catalogue = await read_catalogue(self, self._api_version)
        return self._catalogue

    def own(self, link: str, route: str) -> URL:
        """Resolve a link in a listing, which must stay on the tenant; raises CatalogueError for a foreign one."""
        url = self._at_home(self.origin.join(to_url(link)))
        if not self.is_own(url):
            name = bspace_url_for(url)
            advice = f"; if that is the tenant's own name, set bspace_url to {name}." if name else "."
            raise CatalogueError(f"{route} leads to {host_of(url)}, but the token is for {self.origin}{advice}")
        return url

    def _at_home(self, url: URL) -> URL:
        """Change http to https in a URL of the https tenant's own host, since some gateways write such links."""
        if origin_of(url) is None:
            return url
        ports = (80, 443) if self.origin.explicit_port is None else (self.origin.port,)
        is_home = (self.origin.scheme, url.scheme, url.host) == ("https", "http", self.origin.host)
        if not is_home or url.port not in ports:
            return url
        return url.with_scheme("https").with_port(self.origin.explicit_port)

    def is_own(self, url: URL) -> bool:
        """Whether the bearer may be sent to a URL."""
        return origin_of(url) == self.origin

    async def accepts_requests(self) -> None:
        """Wait until the gate would let a request pass; raises UnreachableError once it has given up on the tenant."""
        await self._gate.opens()

    async def json(self, url: URL, what: str | None = None) -> Any:
        """GET one of the tenant's JSON routes and decode its answer; `what` names it in the log of each retry.

        Raises RefusedRequest for a permanent status, TransientError after the last try, AuthorisationError,
        UnreachableError.
        """
        async for attempt in retrying(Tries(self._attempts), what or url.path):
            self.retries += attempt.retry_state.attempt_number > 1
            with attempt:
                return await self.outlasting(partial(self._json, url))
        raise AssertionError("unreachable: the last failure is raised")

    async def _json(self, url: URL) -> Any:
        if url.path == VERSIONS and isinstance(versions := await self._anonymous(url), list):
            return versions
        async with self.open(url) as response:
            if url.path != VERSIONS:
                self._requests.witness = url
            return _decoded(await read_bounded(response, self._transport.stall_timeout), url)

    async def _anonymous(self, url: URL) -> Any:
        """The JSON of a route without a token, so that it does not wait for one; None if the tenant demands one."""
        async with self._requests.get(url, {}, bearer=False) as response:
            with suppress(AuthorisationError, RefusedRequest):
                raise_for_status(response, True)
                body = await read_bounded(response, self._transport.stall_timeout)
                with suppress(TransientError):
                    return _decoded(body, url)
        return None

    async def outlasting(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Return the result of `ask`; call it again if an outage of the tenant breaks it.

        An outage does not count as a try of the caller. Raises as `ask` does.
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
        """Wait until the tenant answers at all, or the gate gives up on it (`GET /d2l/api/versions/`)."""
        with suppress(ExtractError, UnreachableError):
            async with self._requests.get(self.origin.with_path(VERSIONS), {}, bearer=False):
                pass

    @asynccontextmanager
    async def open(self, url: URL, headers: Mapping[str, str] | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET `url` and yield the response (200, 206 or 416) with its body unread.

        Redirects are followed by the origin rule: a foreign host is asked without the bearer, over https.
        Raises as `json` does, without retrying.
        """
        url, sender, began = self._at_home(self.origin.join(url)), None, None
        for _ in range(MAX_REDIRECTS):
            async with self._response(url, headers or {}, sender) as response:
                if response.status not in REDIRECTS:
                    self._raise_for_status(response)
                    yield response
                    return
                began = began or time.monotonic()
                sender, url = host_of(url), self._at_home(redirect_target(response))
            if time.monotonic() - began > ANSWER_TIMEOUT:
                raise ConnectionLost(f"The redirects of {sender} did not end within {ANSWER_TIMEOUT:.0f} seconds.")
        raise ExtractError(f"{host_of(url)} redirects in a circle; stopped after {MAX_REDIRECTS} redirects.")

    async def signed_link(self, link: URL) -> URL | None:
        """The foreign URL to which one of the tenant's own links redirects, not requested yet; None if it does not.

        Raises as `open` does.
        """
        async with self._requests.get(self._at_home(self.origin.join(link)), {}) as response:
            if response.status not in REDIRECTS:
                raise_for_status(response, True)
                return None
            target = self._at_home(redirect_target(response))
            return None if self.is_own(target) else target

    @asynccontextmanager
    async def _response(
        self, url: URL, headers: Mapping[str, str], sender: str | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the response of the tenant, or of another host to which the host `sender` redirects."""
        if self.is_own(url):
            async with self._requests.get(url, headers) as response:
                yield response
        else:
            self._check_foreign(url)
            with _naming(sender):
                request = self._transport.open("GET", url, headers=headers, public_only=self._is_public)
                async with request as response:
                    yield response

    def _check_foreign(self, url: URL) -> None:
        if url.scheme != "https" and not (url.scheme == "http" and self.origin.scheme == "http"):
            raise ExtractError(f"The download leads to {host_of(url)} by {url.scheme}, not https; it is not fetched.")

    def _raise_for_status(self, response: aiohttp.ClientResponse) -> None:
        """Raise the error that a status means; a foreign 401 without a signature is the tenant under another name."""
        is_own = self.is_own(response.url)
        if response.status == 401 and not is_own and not is_signed(response.url):
            name = bspace_url_for(response.url)
            advice = f"; if so, set bspace_url to {name}." if name else "."
            raise ExtractError(
                f"{host_of(response.url)} answered 401: it is probably another name of the tenant, and the token is "
                f"for {self.origin}{advice}"
            )
        raise_for_status(response, is_own)


@contextmanager
def _naming(sender: str | None) -> Iterator[None]:
    """If a host can't be reached, name the host that redirects there, since that may be at fault."""
    try:
        yield
    except ConnectionFailed as error:
        if sender is None:
            raise
        raise ConnectionFailed(f"{error} {sender} redirects there.") from None


def _decoded(body: bytes, url: URL) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "something else"
        raise TransientError(f"{url.path} answered {kind} in place of JSON.") from None
