"""The redirect of a consent, received by a listener on loopback; the tests act as the browser."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import aiohttp
import pytest
from yarl import URL

from bds_async.brightspace.login import can_listen, listening
from bds_async.brightspace.login.consent import Consent
from bds_async.config import Config
from bds_async.errors import AuthorisationError

CONFIG = Config(bspace_url="https://school.example", client_id="x", client_secret="hush", refresh_token="old")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asked(host: str = "127.0.0.1", path: str = "/callback") -> Consent:
    return Consent.ask(CONFIG, f"http://{host}:{free_port()}{path}", "datasets:bds:read")


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def visit(browser: aiohttp.ClientSession, consent: Consent, **query: str) -> tuple[int, str]:
    address = URL(f"{consent.redirect_uri}?{urlencode(query)}", encoded=True)
    async with browser.get(address) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        return response.status, await response.text()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_browser_brings_the_code(browser, host):
    consent = asked(host)
    async with listening(consent) as arrived:
        status, page = await visit(browser, consent, code="a+b", state=consent.state)
        assert (await arrived).get_secret_value() == "a+b"
    assert (status, "a+b" in page) == (200, False)


async def test_a_refusal_reaches_both_the_browser_and_the_command(browser):
    consent = asked()
    async with listening(consent) as arrived:
        query = {"error": "access_denied", "error_description": "<script>no</script>", "state": consent.state}
        _, page = await visit(browser, consent, **query)
        with pytest.raises(AuthorisationError, match="consent was refused"):
            await arrived
    assert "consent was refused" in page
    assert "<script>" not in page


async def test_an_answer_to_another_consent_changes_nothing(browser):
    """Any page can send the browser to a loopback address; only a redirect with the right state counts."""
    consent = asked()
    async with listening(consent) as arrived:
        for query in ({"code": "foreign", "state": "other"}, {"error": "access_denied"}, {}):
            assert (await visit(browser, consent, **query))[0] == 400
        assert not arrived.done()
        await visit(browser, consent, code="mine", state=consent.state)
        assert (await arrived).get_secret_value() == "mine"


async def test_only_the_first_answer_counts(browser):
    """A browser may load the address twice."""
    consent = asked()
    async with listening(consent) as arrived:
        for code in ("first", "second"):
            assert (await visit(browser, consent, code=code, state=consent.state))[0] == 200
        await visit(browser, consent, error="access_denied", state=consent.state)
        assert (await arrived).get_secret_value() == "first"


async def test_other_paths_are_not_there(browser):
    consent = asked()
    async with listening(consent) as arrived:
        async with browser.get(URL(consent.redirect_uri).with_path("/favicon.ico")) as response:
            assert response.status == 404
        assert not arrived.done()


async def test_an_address_without_a_path_is_listened_at(browser):
    consent = asked(path="")
    async with listening(consent) as arrived:
        await visit(browser, consent, code="mine", state=consent.state)
        assert (await arrived).get_secret_value() == "mine"


async def test_odd_requests_leave_no_trace_in_any_log(caplog):
    """A browser that insists on https sends a TLS handshake; log messages about it would quote the received bytes."""
    consent = asked()
    with caplog.at_level(logging.DEBUG):
        async with listening(consent) as arrived:
            reader, writer = await asyncio.open_connection("127.0.0.1", URL(consent.redirect_uri).port)
            writer.write(b"\x16\x03\x01 code=secret-code\r\n\r\n")
            await reader.read()
            writer.close()
            assert not arrived.done()
    assert "secret-code" not in caplog.text


async def test_a_port_that_is_taken_is_an_os_error():
    consent = asked()
    async with listening(consent):
        with pytest.raises(OSError, match="in use"):
            async with listening(consent):
                pass


async def test_the_port_is_free_again_afterwards(browser):
    consent = asked()
    for _ in range(2):
        async with listening(consent) as arrived:
            await visit(browser, consent, code="mine", state=consent.state)
            await arrived


@pytest.mark.parametrize(
    ("address", "can"), [("http://127.0.0.1:1/callback", True), ("https://localhost:8765/callback", False)]
)
def test_only_plain_http_can_be_listened_at(address, can):
    assert can_listen(Consent.ask(CONFIG, address, "datasets:bds:read")) is can
