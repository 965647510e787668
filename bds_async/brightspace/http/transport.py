"""HTTP sessions of a run: timeouts, buffers, proxies. They know nothing of tenants and tokens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from urllib.request import getproxies

import aiohttp
from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDictProxy
from yarl import URL

from ... import __version__
from .addresses import PublicResolver, check_public
from .faults import CONNECT_TIMEOUT, connection_timeout, password_wanted, translated, translated_body, with_port
from .name_lookup import resolver
from .proxies import proxy_for
from .reading import read_bounded

#: Bytes that aiohttp may buffer for all bodies in flight together; it holds up to twice its setting for each.
BUFFER_BUDGET = 3 * 512 * 1024
#: Bytes of a header line: signed URLs are longer than aiohttp's default allows.
MAX_HEADER = 64 * 1024


def place_of(url: URL) -> str:
    """The host and the port of a URL for messages."""
    try:
        return with_port(host_of(url), url.port)
    except ValueError:
        return "the server"


def host_of(url: URL) -> str:
    """The host of a URL for messages; a link may have none, or one that can't be decoded."""
    try:
        return url.host or "the server"
    except ValueError:
        return "the server"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole small answer: the URL asked, status, headers and body."""

    url: URL = field(repr=False)
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport:
    """The HTTP sessions of one run; use it as an async context manager.

    `connections` is the number of bodies read at a time. `stall_timeout` is in seconds: the headers of an answer must
    be complete within it, and a connection that delivers nothing for this long is dropped. `limit_rate`, in bytes a
    second, only keeps buffers small; the caller enforces it. `connected` is called for each new connection, before
    anything is sent on it.
    """

    def __init__(
        self,
        *,
        connections: int = 16,
        stall_timeout: float = 60.0,
        limit_rate: int | None = None,
        connected: Callable[[], None] | None = None,
    ) -> None:
        self.stall_timeout = stall_timeout
        self._connected = connected or _ignore
        self._buffer = max(64 * 1024, min(1024 * 1024, BUFFER_BUDGET // connections))
        self._socket_factory: SocketFactoryType | None = None
        if limit_rate is not None:
            # Buffers must hold far less than one second's worth of the limit.
            self._buffer = max(2 * 1024, min(self._buffer, limit_rate // (8 * connections)))
            self._socket_factory = partial(_small_socket, self._buffer)
        self._proxies = getproxies()
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._public_session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(self._new_session(resolver()))
        self._public_session = await self._stack.enter_async_context(self._new_session(PublicResolver(resolver())))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _new_session(self, names: AbstractResolver) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=names, socket_factory=self._socket_factory),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"bds-async/{__version__}", "Accept-Encoding": "gzip, deflate"},
            # `_Limits` and `chunks` enforce the time limits; aiohttp's own would restart with each read.
            timeout=aiohttp.ClientTimeout(total=None),
            # A body is stored as it arrives: a wrong Content-Encoding must not break it.
            auto_decompress=False,
            read_bufsize=self._buffer,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            trace_configs=[_trace(self._connected)],
        )

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        public_only: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request without following redirects, and yield the response with its body unread.

        `connect_timeout` is in seconds. `public_only` refuses addresses of this machine and its network. Raises
        ConnectionFailed if nothing was sent, ConnectionLost for a later fault (in the body as well), ExtractError for
        a URL that can't be used or is refused, or a certificate that can't be trusted, ConfigError for a proxy that
        can't be used, MachineLimit.
        """
        host = host_of(url)
        with translated(host):
            proxy = proxy_for(url, self._proxies)
        if public_only:
            check_public(host)
        session = self._public_session if public_only and proxy is None else self._session
        assert session is not None, "use the transport as a context manager"
        limits = _Limits(connect_timeout, self.stall_timeout)
        request = session.request(
            method, url, headers=headers, data=data, allow_redirects=False, proxy=proxy, trace_request_ctx=limits
        )
        with translated(host, proxy):
            async with limits.kept(place_of(url)):
                response = await request
        async with response:
            if response.status == 407 and proxy is not None:
                raise password_wanted(proxy)
            with translated_body(host):
                yield response

    async def fetch(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        broken: Callable[[Answer], object] | None = None,
    ) -> Answer:
        """Send one request and read its whole answer, at most MAX_ANSWER bytes; raises as `open` does.

        If the answer breaks off, or the caller is cancelled, `broken` is called with what has arrived of it.
        """
        received = bytearray()
        async with self.open(method, url, headers=headers, data=data) as response:
            try:
                body = await read_bounded(response, self.stall_timeout, received=received)
            except BaseException:
                if broken is not None:
                    broken(Answer(url, response.status, response.headers, bytes(received)))
                raise
            return Answer(url, response.status, response.headers, body)


class _Limits:
    """The time limits of one request, in seconds: to make a new connection if it needs one, then to receive headers."""

    def __init__(self, connect: float, headers: float) -> None:
        self._connect = connect
        self._headers = headers
        self._clock = asyncio.timeout(headers)
        self._is_connected = True

    @asynccontextmanager
    async def kept(self, place: str) -> AsyncIterator[None]:
        """Enforce the limits; raises ConnectionFailed, or TimeoutError for late headers."""
        try:
            async with self._clock:
                yield
        except TimeoutError:
            if self._clock.expired() and not self._is_connected:
                raise connection_timeout(place, self._connect) from None
            raise

    def connecting(self) -> None:
        """Start the time limit to connect: there is no connection to reuse."""
        self._is_connected = False
        self._begin(self._connect)

    def connected(self) -> None:
        """Start the time limit of the headers: there is a connection."""
        self._is_connected = True
        self._begin(self._headers)

    def _begin(self, seconds: float) -> None:
        if not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time() + seconds)


def _trace(connected: Callable[[], None]) -> aiohttp.TraceConfig:
    async def on_start(_: object, context: Any, __: object) -> None:
        """Start the time limit to connect."""
        context.trace_request_ctx.connecting()

    async def on_end(_: object, context: Any, __: object) -> None:
        """Report a new connection, and start the time limit of the headers."""
        connected()
        context.trace_request_ctx.connected()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(on_start)
    trace.on_connection_create_end.append(on_end)
    return trace


def _ignore() -> None:
    """Do nothing on a connection."""


def _small_socket(buffer: int, address: AddrInfoType) -> socket.socket:
    """Create a socket with a small receive buffer in the kernel; aiohttp connects it."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    return made
