"""The health-check calls, against a listener on a real socket."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bds_async.errors import ConfigError
from bds_async.ping import Ping


class Listener:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.status = 200
        self.address = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(request.path_qs)
        return web.Response(status=self.status)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    found = Listener()
    app = web.Application()
    app.router.add_get("/{rest:.*}", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}/the-secret-check"
    yield found
    await runner.cleanup()


async def test_start_success_and_failure_are_told_apart(listener: Listener) -> None:
    ping = Ping(listener.address)
    await ping.start()
    await ping.end(0)
    await ping.end(3)
    assert listener.seen == ["/the-secret-check/start", "/the-secret-check", "/the-secret-check/3"]


async def test_a_query_of_the_address_is_kept(listener: Listener) -> None:
    await Ping(listener.address + "?token=1").start()
    assert listener.seen == ["/the-secret-check/start?token=1"]


async def test_an_answer_that_is_no_success_is_a_warning_that_quotes_no_address(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.status = 500
    with caplog.at_level(logging.WARNING):
        await Ping(listener.address).end(0)
    assert "answered 500" in caplog.text
    assert "the-secret-check" not in caplog.text


async def test_a_service_that_is_not_there_never_fails_the_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await Ping("http://127.0.0.1:9/the-secret-check").start()
    assert "the run goes on" in caplog.text
    assert "the-secret-check" not in caplog.text


@pytest.mark.parametrize("address", ["", "check", "ftp://host/check", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused_without_being_quoted(address: str) -> None:
    with pytest.raises(ConfigError, match="--ping"):
        Ping(address)
