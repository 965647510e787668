"""Errors of this package in place of aiohttp's. A signed URL is a secret, so no message names more than the host."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from ...errors import ConnectionFailed, ConnectionLost, ExtractError

#: Seconds within which a connection must be established.
CONNECT_TIMEOUT = 30.0


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Raise our error for each of aiohttp's, without a `__cause__`, since theirs quote whole URLs."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise translate(error, host) from None


def translate(error: BaseException, host: str) -> ExtractError:
    """Our error for one of aiohttp's; its text quotes no URL."""
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
            return ConnectionFailed(f"The proxy refused to connect to {host} with {error.status}.")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return ExtractError(f"A link to {host} is not a usable URL.")
        case aiohttp.ClientPayloadError():
            return ConnectionLost(f"The body from {host} broke off.")
        case _:
            return ConnectionLost(f"The connection to {host} broke off.")


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "TLS handshake failed"
    if error.errno is not None and error.errno in errno.errorcode:
        # asyncio's own text quotes the address in Python's notation.
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
