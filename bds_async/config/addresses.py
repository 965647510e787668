"""Server addresses: the accepted origins of tenants and auth services."""

from __future__ import annotations

import ipaddress

from yarl import URL


def origin(value: str) -> str:
    """Reduce an address to scheme, host and port; raises ValueError with a text that says what is wrong.

    Secrets and tokens are sent to these addresses, so plain http is accepted only for loopback hosts.
    """
    url = _parsed(value)
    host = url.host or ""
    if not is_host(host) or url.scheme not in {"http", "https"}:
        raise ValueError("must be an address like https://myschool.brightspace.com")
    if url.user is not None or url.password is not None:
        raise ValueError("must not contain a user name or a password")
    if url.path not in {"", "/"} or "?" in value or "#" in value:
        raise ValueError("must end after the host name: no path, no query")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError("must start with https (plain http is for loopback addresses only)")
    return str(url.origin())


def _parsed(value: str) -> URL:
    """Parse a URL; an empty one for text that is not a URL."""
    try:
        url = URL(value)
        return url if url.host else URL()
    except ValueError:
        return URL()


def is_host(host: str) -> bool:
    """Whether a host name can be looked up: labels of 1 to 63 characters (RFC 1035 section 2.3.4), or an address."""
    try:
        return bool(host) and bool(host.encode("idna"))
    except UnicodeError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host name or address is loopback: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
