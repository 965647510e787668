"""Addresses to which a link of a public tenant must not lead: loopback, link-local, unspecified, multicast."""

from __future__ import annotations

import ipaddress
import socket
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from ...errors import ExtractError

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(host: str) -> bool:
    """Whether a tenant is on the internet: its host is neither loopback nor a private address."""
    address = _literal(host)
    if address is None:
        return not _is_local_name(host)
    return not (address.is_private or address.is_loopback or address.is_link_local)


def check_public(host: str) -> None:
    """Raise ExtractError for a host that is, literally, loopback, link-local, unspecified or multicast."""
    address = _literal(host)
    if _is_local_name(host) or (address is not None and _is_forbidden(address)):
        raise ExtractError(f"A link leads to {host}, an address of this machine or its network; it is not followed.")


class PublicResolver(AbstractResolver):
    """A resolver that refuses names of loopback, link-local, unspecified and multicast addresses."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; raises ExtractError if one of them is forbidden, OSError as resolvers do."""
        found = await self._resolver.resolve(host, port, family)
        for address in map(_literal, (each["host"] for each in found)):
            if address is not None and _is_forbidden(address):
                raise ExtractError(
                    f"A link leads to {host}, which is {address}, an address of this machine or its network; "
                    "it is not followed."
                )
        return found

    async def close(self) -> None:
        """Close the underlying resolver."""
        await self._resolver.close()


def _is_local_name(host: str) -> bool:
    """Whether a name is loopback by definition (RFC 6761 section 6.3)."""
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _literal(host: str) -> _Address | None:
    """The address that a host denotes, in any form that systems accept (`127.1`, `0x7f000001`); None for a name."""
    host = host.rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if host[:1].isdecimal() else None
    except (OSError, ValueError):
        return None


def _is_forbidden(address: _Address) -> bool:
    embedded = _embedded(address)
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or (embedded is not None and _is_forbidden(embedded))
    )


def _embedded(address: _Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, NAT64 (RFC 6052), or compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


_NAT64, _COMPATIBLE = ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96")
