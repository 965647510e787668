"""The health-check calls, against a listener on a real socket."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bds_async.brightspace.http import Transport
from bds_async.errors import ConfigError, Stopped
from bds_async.report import RunReport
from bds_async.support import clock
from bds_async.watching.ping import Ping


class Listener:
    """Records the requests."""

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
    assert "the run does not depend on it" in caplog.text
    assert "the-secret-check" not in caplog.text


async def run(ending: Exception | None) -> RunReport:
    if ending is not None:
        raise ending
    return RunReport("sync", "https://school", clock.now(), clock.now(), 0.0, 3, [])


@pytest.mark.parametrize(
    ("ending", "code"), [(None, 3), (ConfigError("x"), 2), (Stopped("x", 143), 143), (RuntimeError("a defect"), 1)]
)
async def test_every_end_of_a_run_is_told(listener: Listener, ending: Exception | None, code: int) -> None:
    """With a report, an expected error, or a defect."""
    around = Ping(listener.address).around(run(ending))
    if ending is None:
        assert (await around).exit_code == code
    else:
        with pytest.raises(type(ending)):
            await around
    assert listener.seen == ["/the-secret-check/start", f"/the-secret-check/{code}"]


async def test_not_even_a_proxy_that_makes_no_sense_fails_the_run(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://proxy")
    assert (await Ping("https://nowhere.invalid/the-secret-check").around(run(None))).exit_code == 3
    assert "the-secret-check" not in caplog.text


async def test_what_nobody_foresaw_does_not_fail_the_run_either(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(*_: object) -> None:
        raise RuntimeError("about the-secret-check")

    monkeypatch.setattr(Transport, "fetch", fetch)
    await Ping("http://127.0.0.1:9/the-secret-check").start()
    assert "RuntimeError" in caplog.text
    assert "the-secret-check" not in caplog.text


NO_HOSTS = ["http://a..b/x", "http://./x", "http://xn--/", f"http://{'a' * 300}/", "http://host:99999/"]


@pytest.mark.parametrize("address", ["", "check", "ftp://host/check", "http://", "http://[::1", *NO_HOSTS])
def test_an_address_that_is_none_is_refused_without_being_quoted(address: str) -> None:
    with pytest.raises(ConfigError, match="--ping"):
        Ping(address)
