"""Translation of all errors of the network layer to errors of this package.

A signed URL is a secret, so no message names more than the host.
"""

from __future__ import annotations

import errno
import logging
import os
import ssl
from functools import partial

import aiohttp
from yarl import URL

from ...errors import BdsError, ConfigError, ConnectionFailed, ConnectionLost, ExtractError
from ...support.limits import machine_limit
from ...support.translating import Translating
from .certificates import certificate_fault

logger = logging.getLogger(__name__)

#: Seconds within which a connection must be established, TLS and the tunnel of a proxy included.
CONNECT_TIMEOUT = 30.0
#: The most characters of a host name in a message (RFC 1035 section 2.3.4).
_LONGEST_HOST = 255


def translated(host: str, proxy: URL | None = None) -> Translating:
    """Raise this package's error for any exception of a request; its own errors pass unchanged."""
    return Translating(partial(translate, host=host, proxy=proxy), hides_cause=True)


def translated_body(host: str) -> Translating:
    """Raise this package's error for aiohttp's exceptions in a body; the reader's own exceptions pass unchanged."""
    return Translating(partial(_of_network, host=host), hides_cause=True)


def _of_network(error: Exception, host: str) -> BdsError | None:
    is_of_network = isinstance(error, aiohttp.ClientError | TimeoutError | ConnectionError)
    return translate(error, host) if is_of_network else None


def translate(error: Exception, host: str, proxy: URL | None = None) -> BdsError:
    """The error of this package for one of the network layer; its text quotes no URL."""
    if isinstance(error, BdsError):
        return error
    host = host[:_LONGEST_HOST]
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return machine_limit(cause) or _connecting(error, host, proxy) or _any_other(error, host)


def _connecting(error: Exception, host: str, proxy: URL | None) -> BdsError | None:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _untrusted(error)
        case aiohttp.ClientHttpProxyError() if error.status == 407 and proxy is not None:
            return password_wanted(proxy)
        case aiohttp.ClientHttpProxyError():
            return ConnectionFailed(f"The proxy refused to connect to {host} with {error.status}.")
        case aiohttp.ClientConnectorError():
            return _not_connected(error, host)
        case aiohttp.ConnectionTimeoutError():
            return connection_timeout(host, CONNECT_TIMEOUT)
    return None


def _any_other(error: Exception, host: str) -> ExtractError:
    match error:
        case TimeoutError():
            return ConnectionLost(f"{host} sent nothing for too long.")
        case aiohttp.ClientPayloadError():
            return ConnectionLost(f"The body from {host} broke off.")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | ValueError():
            # A host name that can't be encoded (IDNA) is a UnicodeError, which is a ValueError.
            return ExtractError(f"A link to {host} is not a usable URL.")
        case aiohttp.ClientError() | OSError():
            return ConnectionLost(f"The connection to {host} broke off.")
    return ConnectionLost(f"The request to {host} failed ({type(error).__name__}).")


def connection_timeout(host: str, seconds: float) -> ConnectionFailed:
    """The error for a connection that was not established in time."""
    return ConnectionFailed(f"Could not connect to {host} within {seconds:.{0 if seconds >= 1 else 2}f} seconds.")


def password_wanted(proxy: URL) -> ConfigError:
    """The error for a proxy that answers 407; it names the proxy without user and password."""
    name = f"The proxy {proxy.scheme}://{proxy.host}:{proxy.port}"
    if proxy.user is None:
        return ConfigError(f"{name} asks for a password (407); set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT.")
    return ConfigError(f"{name} does not accept the user and password of HTTPS_PROXY (407); correct them.")


def _untrusted(error: aiohttp.ClientConnectorCertificateError) -> ExtractError:
    cause = error.certificate_error
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return ExtractError(f"The certificate of {error.host} can't be trusted.")
    logger.debug("%s: OpenSSL says: %s (error %d).", error.host, cause.verify_message, cause.verify_code)
    return ExtractError(certificate_fault(cause, error.host))


def _not_connected(error: aiohttp.ClientConnectorError, host: str) -> ConnectionFailed:
    place = with_port(host, error.port)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        place = f"the proxy {with_port(error.host, error.port)} on the way to {host}"
    return ConnectionFailed(f"Could not connect to {place}: {_reason(error.os_error)}.")


def with_port(host: str, port: int | None) -> str:
    """A host and its port for messages; without the port if it is the one of http or https."""
    return host if port in (None, 80, 443) else f"{host}:{port}"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        logger.debug("TLS handshake: %s.", error.reason)
        return "TLS handshake failed"
    if error.errno is not None and error.errno in errno.errorcode:
        # asyncio's own text quotes the address in Python's notation.
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
