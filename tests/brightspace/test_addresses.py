"""Where a link may lead: no link of a public tenant leads to this machine or its network."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bds_async.brightspace import Gate, Tenant
from bds_async.brightspace.auth import TokenRefresher
from bds_async.brightspace.http import Transport, is_public
from bds_async.brightspace.http.addresses import check_public
from bds_async.brightspace.links import to_url
from bds_async.errors import BdsError, ConnectionFailed, ExtractError
from tests.conftest import FreeTokens

FORBIDDEN = [
    "127.0.0.1",
    "127.8.9.10",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "169.254.169.254",
    "0.0.0.0",
    "0",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::127.0.0.1",
]
#: Addresses for documentation (RFC 5737, RFC 3849), a private one, which is not refused, and names.
ALLOWED = ["192.0.2.7", "198.51.100.7", "2001:db8::7", "10.0.0.7", "storage.example", "localhost.example"]


class TestPublic:
    @pytest.mark.parametrize("host", ["school.brightspace.com", "school.local", "127.example"])
    def test_a_tenant_is_public(self, host):
        assert is_public(host)

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd00::1"])
    def test_unless_its_host_is_loopback_or_a_private_address(self, host):
        assert not is_public(host)

    @given(st.ip_addresses())
    def test_an_address_is_public_by_what_it_is(self, address):
        assert is_public(str(address)) != (address.is_loopback or address.is_private or address.is_link_local)


class TestLiteral:
    @pytest.mark.parametrize("host", FORBIDDEN)
    def test_addresses_of_this_machine_and_its_network_are_refused(self, host):
        with pytest.raises(ExtractError, match="an address of this machine or its network; it is not followed"):
            check_public(host)

    @pytest.mark.parametrize("host", ALLOWED)
    def test_all_others_are_not(self, host):
        check_public(host)

    @given(st.ip_addresses())
    def test_an_address_is_refused_by_what_it_is(self, address):
        refused = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
        if refused:
            with pytest.raises(ExtractError):
                check_public(str(address))
        elif isinstance(address, ipaddress.IPv4Address):
            check_public(str(address))

    @given(st.text())
    def test_no_text_makes_it_raise_anything_else(self, host):
        with contextlib.suppress(ExtractError):
            check_public(host)


class Network:
    """A fake network: names have the addresses that a test gives, and there are no connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
        self.names = {name.replace("_", "."): address for name, address in names.items()}
        self.connected: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)
        monkeypatch.setattr(aiohttp.TCPConnector, "_wrap_create_connection", self._connect)

    def _look_up(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        address = self.names[host]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)[: 4 if ":" in address else 2])]

    async def _connect(self, *_: Any, addr_infos: Any, req: Any, **__: Any) -> Any:
        self.connected += [info[4][0] for info in addr_infos]
        raise aiohttp.ClientConnectorError(req.connection_key, OSError(111, "refused by the test"))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of the machine's environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def opened(link: str, tenant_url: str = "https://school.example") -> BdsError:
    """The error of opening a link of a tenant."""
    async with Transport() as transport, TokenRefresher(FreeTokens()) as tokens:
        tenant = Tenant(tenant_url, transport, tokens, Gate(lambda why, seconds: None, first_patience=0))
        with pytest.raises(BdsError) as caught:
            async with tenant.open(to_url(link)):
                pytest.fail("nothing answers")
    return caught.value


class TestLinks:
    @pytest.mark.parametrize("host", FORBIDDEN)
    async def test_a_literal_one_is_refused_before_connecting(self, monkeypatch, host):
        network = Network(monkeypatch)
        error = await opened(f"https://[{host}]/x" if ":" in host else f"https://{host}/x")
        assert isinstance(error, ExtractError)
        assert not isinstance(error, ConnectionFailed)
        assert "not followed" in str(error)
        assert network.connected == []

    @pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "224.0.0.1"])
    async def test_a_name_that_leads_there_is_refused_before_connecting(self, monkeypatch, address):
        network = Network(monkeypatch, evil_example=address)
        error = await opened("https://evil.example/x")
        assert type(error) is ExtractError
        assert f"A link leads to evil.example, which is {address}" in str(error)
        assert network.connected == []

    async def test_a_redirect_there_is_refused_before_connecting(self, serve, connect, monkeypatch):
        asked = []

        async def away(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.Response()

        target = (await serve(away)).with_host("localhost") / "x"

        async def home(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": str(target)})

        url = await serve(home)
        tenant = await connect(url)
        monkeypatch.setattr(tenant, "_is_public", True)
        with pytest.raises(ExtractError, match="A link leads to localhost"):
            async with tenant.open(url):
                pytest.fail("it is not followed")
        assert asked == []

    async def test_any_other_name_is_connected_to(self, monkeypatch):
        network = Network(monkeypatch, storage_example="192.0.2.7")
        assert isinstance(await opened("https://storage.example/x"), ConnectionFailed)
        assert network.connected == ["192.0.2.7"]

    async def test_the_tenant_itself_may_be_anywhere(self, monkeypatch):
        """For example at a name in /etc/hosts; the person has chosen it."""
        network = Network(monkeypatch, school_example="127.0.0.1")
        await opened("https://school.example/x")
        assert network.connected == ["127.0.0.1"]

    async def test_a_tenant_on_this_machine_may_lead_to_this_machine(self, monkeypatch):
        network = Network(monkeypatch)
        assert isinstance(await opened("http://127.0.0.2:1/x", "http://127.0.0.1:1"), ConnectionFailed)
        assert network.connected == ["127.0.0.2"]


class TestBehindAProxy:
    async def test_a_name_is_the_proxys_to_look_up(self, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
        network = Network(monkeypatch, localhost="127.0.0.1")
        assert isinstance(await opened("https://evil.example/x"), ConnectionFailed)
        assert network.connected == ["127.0.0.1"], "the proxy on this machine"

    @pytest.mark.parametrize("host", FORBIDDEN)
    async def test_a_literal_one_is_refused_all_the_same(self, monkeypatch, host):
        monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
        network = Network(monkeypatch, localhost="127.0.0.1")
        error = await opened(f"https://[{host}]/x" if ":" in host else f"https://{host}/x")
        assert "not followed" in str(error)
        assert network.connected == []
