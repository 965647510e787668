"""One HTTP session: timeouts, proxies, and aiohttp's exceptions turned into ours.

It knows no tenant and no token. A signed URL is a secret, so no message names more than the host.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from ... import __version__
from ...config import is_loopback
from ...errors import ConfigError, ConnectionFailed, ConnectionLost, ExtractError
from .name_lookup import resolver

#: Seconds within which a connection has to come about.
CONNECT_TIMEOUT = 30.0
#: Bytes that answers read as a whole (JSON, tokens, error pages) may have.
MAX_ANSWER = 64 * 1024 * 1024
#: Seconds within which they have to come to their end; drop by drop, one could keep a run alive for ever.
ANSWER_TIMEOUT = 300.0
#: Bytes that aiohttp may buffer for all bodies in flight together; it holds up to twice its setting for each.
BUFFER_BUDGET = 4 * 1024 * 1024
#: Bytes of a header line: signed URLs are longer than aiohttp's default allows.
MAX_HEADER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole small answer: status, headers and body; `url` is where it came from."""

    url: URL = field(repr=False)
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport:
    """An aiohttp session for one run; use it as an async context manager.

    `connections` is how many bodies are read at a time; `stall_timeout` is in seconds: a connection that delivers
    nothing for so long is dropped. `connected` is called for each new connection, before anything is sent on it.
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
        """Send one request, follow nothing, and hand over the answer with its body unread.

        Raises ConnectionFailed if nothing was sent, ConnectionLost for what broke later (in the body, too),
        ExtractError for a certificate that can't be trusted, ConfigError for a proxy that can't be used.
        """
        assert self._session is not None, "use the transport as a context manager"
        proxy = self._proxy_for(url)
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

    def _proxy_for(self, url: URL) -> URL | None:
        """The proxy of the environment; aiohttp's own `trust_env` would send netrc's passwords along, too.

        Plain http is for this machine alone, and must not leave it by way of a proxy.
        """
        found = self._proxies.get(url.scheme) or self._proxies.get("all")
        host = url.host or ""
        if not found or proxy_bypass(host) or (url.scheme == "http" and is_loopback(host)):
            return None
        return proxy_address(found)


def proxy_address(setting: str) -> URL:
    """A proxy as the environment names it, with or without a scheme, user and password.

    Raises ConfigError, which does not quote it, for one that can't be used.
    """
    try:
        proxy = URL(setting if "://" in setting else f"http://{setting}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise ConfigError(
            "The proxy that the environment names (HTTPS_PROXY, ALL_PROXY) can't be used: "
            "it must be an address like http://proxy.example:3128."
        )
    return proxy


async def read_bounded(response: aiohttp.ClientResponse, limit: int = MAX_ANSWER) -> bytes:
    """Read a body of at most `limit` bytes; raises ExtractError for a longer one, ConnectionLost for one that drips."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT) as clock:
            return await _read(response, limit)
    except TimeoutError:
        if not clock.expired():
            raise
        raise ConnectionLost(
            f"{response.url.host} did not bring its answer to an end within {ANSWER_TIMEOUT:.0f} seconds."
        ) from None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise ExtractError(
                f"{response.url.host} sent an answer of more than {limit} bytes where JSON was expected."
            )
    return bytes(body)


def left_over(body: aiohttp.StreamReader) -> bytes:
    """What had come of a body before it broke, and was not read yet: aiohttp raises the fault first."""
    if (fault := body.exception()) is None:
        return b""
    body.set_exception(None)  # type: ignore[arg-type]
    rest = body.read_nowait()
    body.set_exception(fault)
    return rest


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Turn aiohttp's exceptions into ours, without a `__cause__`, since theirs quote whole URLs."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise translate(error, host) from None


def translate(error: BaseException, host: str) -> ExtractError:
    """Our error for one of aiohttp's, in words that quote no URL."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return ExtractError(
                f"The certificate of {host} can't be trusted; if your network has its own authority, "
                "point SSL_CERT_FILE at its certificate."
            )
        case aiohttp.ClientConnectorError():
            proxy = "the proxy on the way to " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
            return ConnectionFailed(f"Could not connect to {proxy}{host}: {_reason(error.os_error)}.")
        case aiohttp.ConnectionTimeoutError():
            return ConnectionFailed(f"Could not connect to {host} within {CONNECT_TIMEOUT:.0f} seconds.")
        case TimeoutError():
            return ConnectionLost(f"{host} sent nothing for too long.")
        case aiohttp.ClientHttpProxyError():
            return ConnectionFailed(f"The proxy refused the way to {host} with {error.status}.")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return ExtractError(f"A link to {host} is not a usable URL.")
        case aiohttp.ClientPayloadError():
            return ConnectionLost(f"The body from {host} broke off.")
        case _:
            return ConnectionLost(f"The connection to {host} broke off.")


def _trace(connected: Callable[[], None]) -> aiohttp.TraceConfig:
    async def told(*_: object) -> None:
        connected()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(told)
    return trace


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "TLS handshake failed"
    if error.errno is not None and error.errno in errno.errorcode:
        # asyncio's own words quote the address as Python writes it.
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
