"""Proxies from the environment: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.request import proxy_bypass

from yarl import URL

from ...config import is_host, is_loopback
from ...errors import ConfigError


def proxy_for(url: URL, proxies: Mapping[str, str]) -> URL | None:
    """The proxy for a request, out of the result of `urllib.request.getproxies`; None for a direct request.

    aiohttp's own `trust_env` is not used, since it also sends passwords from netrc. Plain http to loopback never goes
    through a proxy. Raises ConfigError for a proxy that can't be used.
    """
    found = proxies.get(url.scheme) or proxies.get("all")
    host = url.host or ""
    if not found or proxy_bypass(host) or (url.scheme == "http" and is_loopback(host)):
        return None
    return proxy_address(found)


def proxy_address(setting: str) -> URL:
    """The address of a proxy as the environment names it, with or without a scheme, user and password.

    Raises ConfigError, which does not quote the setting, for one that can't be used.
    """
    proxy = URL()
    usable = False
    with suppress(ValueError):
        proxy = URL(setting if "://" in setting else f"http://{setting}")
        usable = proxy.scheme in {"http", "https"} and is_host(proxy.raw_host or "")
    if not usable:
        raise ConfigError(
            "The proxy that the environment names (HTTPS_PROXY, ALL_PROXY) can't be used: "
            "it must be an address like http://proxy.example:3128."
        )
    return proxy
