"""The interface between a transfer and the source of its extracts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import aiohttp
from yarl import URL

Result = TypeVar("Result")


class Source(Protocol):
    """A tenant, or the storage behind a signed link; `retries` counts requests that were repeated."""

    retries: int

    @property
    def origin(self) -> URL:
        """The tenant's origin."""
        ...

    def is_own(self, url: URL) -> bool:
        """Whether a URL leads to the tenant itself, not to a storage."""
        ...

    async def accepts_requests(self) -> None:
        """Wait until a request to the tenant may be made."""
        ...

    async def signed_link(self, link: URL) -> URL | None:
        """The foreign URL to which one of the tenant's own links redirects; None if it does not redirect there."""
        ...

    def open(
        self, url: URL, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """GET `url` and yield the response (200, 206 or 416) with its body unread."""
        ...

    async def outlasting(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Return the result of `ask`; call it again if an outage breaks it."""
        ...
