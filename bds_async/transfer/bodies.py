"""A bound on the response bodies of several runs together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from ..brightspace import Source


class Bodies:
    """At most `count` requests with a response body at a time, in all runs that share this; None means no bound."""

    def __init__(self, count: int | None) -> None:
        self._free = None if count is None else asyncio.Semaphore(count)

    @asynccontextmanager
    async def one_of(self, tenant: Source, link: URL) -> AsyncIterator[None]:
        """Wait until a request to `link` may be made.

        While the tenant holds back new requests, this takes nothing of the bound from the other runs.
        """
        if self._free is None:
            yield
            return
        if tenant.is_own(link):
            await tenant.accepts_requests()
        async with self._free:
            yield
