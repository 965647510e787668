"""The storage behind a signed link, for a machine without a token: it can use the link, but not renew it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
from yarl import URL

from ..errors import ExtractError, LinkExpired
from .http import Transport, host_of, is_public
from .links import origin_of
from .statuses import REDIRECTS, raise_for_status, redirect_target
from .tenant import MAX_REDIRECTS

Result = TypeVar("Result")


class Storage:
    """A Source without a tenant: a request that only the tenant could answer raises LinkExpired.

    `origin` is the tenant's: if that is a public host, so must the storage be.
    """

    def __init__(self, origin: URL, transport: Transport) -> None:
        self.origin = origin
        self.retries = 0
        self._transport = transport
        self._is_public = is_public(origin.host or "")

    def is_own(self, url: URL) -> bool:
        """Whether a URL leads to the tenant."""
        return origin_of(url) == self.origin

    async def accepts_requests(self) -> None:
        """Return at once: no request goes to the tenant."""

    async def signed_link(self, link: URL) -> URL | None:
        """Raise LinkExpired: only the tenant gives links."""
        raise _expired(link)

    async def outlasting(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Return the result of `ask`; outages of the tenant do not matter here."""
        return await ask()

    @asynccontextmanager
    async def open(self, url: URL, headers: Mapping[str, str] | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET the signed `url` and yield the response (200, 206 or 416) with its body unread.

        Redirects are followed, by https only if the tenant is https. Raises as a Tenant does, and LinkExpired.
        """
        for _ in range(MAX_REDIRECTS):
            self._check(url)
            request = self._transport.open("GET", url, headers=headers or {}, public_only=self._is_public)
            async with request as response:
                if response.status not in REDIRECTS:
                    raise_for_status(response, False)
                    yield response
                    return
                url = redirect_target(response)
        raise ExtractError(f"{host_of(url)} redirects in a circle; stopped after {MAX_REDIRECTS} redirects.")

    def _check(self, url: URL) -> None:
        if self.is_own(url):
            raise _expired(url)
        if url.scheme != "https" and not (url.scheme == "http" and self.origin.scheme == "http"):
            raise ExtractError(f"The download leads to {host_of(url)} by {url.scheme}, not https; it is not fetched.")


def _expired(url: URL) -> LinkExpired:
    return LinkExpired(f"Another signed link is needed from {host_of(url)}.")
