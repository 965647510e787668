"""One HTTP session: timeouts, buffers, proxies. It knows no tenant and no token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.request import getproxies

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from ... import __version__
from .faults import CONNECT_TIMEOUT, translated
from .name_lookup import resolver
from .proxies import proxy_for
from .reading import read_bounded

#: Bytes that aiohttp may buffer for all bodies in flight together; it holds up to twice its setting for each.
BUFFER_BUDGET = 4 * 1024 * 1024
#: Bytes of a header line: signed URLs are longer than aiohttp's default allows.
MAX_HEADER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole small answer: the URL asked, status, headers and body."""

    url: URL = field(repr=False)
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport:
    """An aiohttp session for one run; use it as an async context manager.

    `connections` is the number of bodies read at a time. `stall_timeout` is in seconds: a connection that delivers
    nothing for this long is dropped. `connected` is called for each new connection, before anything is sent on it.
    """

    def __init__(
        self, *, connections: int = 16, stall_timeout: float = 60.0, connected: Callable[[], None] | None = None
    ) -> None:
        self._traces = [_trace(connected)] if connected is not None else []
        self._connections = connections
        self._stall_timeout = stall_timeout
        self._proxies = getproxies()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=resolver()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"bds-async/{__version__}"},
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_TIMEOUT, sock_read=self._stall_timeout, ceil_threshold=600
            ),
            read_bufsize=max(64 * 1024, min(1024 * 1024, BUFFER_BUDGET // self._connections)),
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            trace_configs=self._traces,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def open(
        self, method: str, url: URL, *, headers: Mapping[str, str] | None = None, data: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request, follow no redirect, and give the response with its body unread.

        Raises ConnectionFailed if nothing was sent, ConnectionLost for a later fault (in the body as well),
        ExtractError for a certificate that can't be trusted, ConfigError for a proxy that can't be used.
        """
        assert self._session is not None, "use the transport as a context manager"
        proxy = proxy_for(url, self._proxies)
        with translated(url.host or "the server"):
            async with self._session.request(
                method, url, headers=headers, data=data, allow_redirects=False, proxy=proxy
            ) as response:
                yield response

    async def fetch(
        self, method: str, url: URL, *, headers: Mapping[str, str] | None = None, data: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read its whole answer, at most MAX_ANSWER bytes; raises as `open` does."""
        async with self.open(method, url, headers=headers, data=data) as response:
            body = await read_bounded(response)
            return Answer(url, response.status, response.headers, body)


def _trace(connected: Callable[[], None]) -> aiohttp.TraceConfig:
    async def on_connection(*_: object) -> None:
        connected()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(on_connection)
    return trace
