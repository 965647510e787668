"""A bound on the bodies of several runs together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from ..brightspace import Source


class Bodies:
    """At most `count` requests with a body at a time, of all runs that share this; None is no bound."""

    def __init__(self, count: int | None) -> None:
        self._free = None if count is None else asyncio.Semaphore(count)

    @asynccontextmanager
    async def one_of(self, tenant: Source, link: URL) -> AsyncIterator[None]:
        """Wait until a request to `link` may be made.

        While the tenant holds new requests back, none of the bound is taken from the other runs.
        """
        if self._free is None:
            yield
            return
        if tenant.is_own(link):
            await tenant.accepts_requests()
        async with self._free:
            yield
