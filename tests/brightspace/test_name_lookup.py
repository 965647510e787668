"""Looking up names: as the system does, but without waiting for a look-up that never ends."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from bds_async.brightspace.http import Transport
from bds_async.brightspace.http.name_lookup import resolver
from bds_async.errors import ConnectionFailed


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A name server that does not answer during the test; the event is set when it is asked."""
    asked, over = threading.Event(), threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        asked.set()
        over.wait(60)
        raise socket.gaierror("the test is over")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    yield asked
    over.set()


async def test_localhost_is_this_machine() -> None:
    hosts = await resolver().resolve("localhost", 443)
    assert {(each["host"], each["port"]) for each in hosts} == {("127.0.0.1", 443)}


async def test_a_name_that_is_none_is_the_systems_own_error() -> None:
    with pytest.raises(socket.gaierror):
        await resolver().resolve("no-such-host.invalid")


async def test_a_name_that_cannot_be_encoded_is_an_error_and_no_endless_wait() -> None:
    with pytest.raises(UnicodeError):
        await asyncio.wait_for(resolver().resolve(f"{'x' * 300}.example"), 30)


async def test_an_http_session_uses_it(serve: Any) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    url: URL = (await serve(hello)).with_host("localhost")
    async with Transport() as transport:
        assert (await transport.fetch("GET", url)).body == b"hello"


async def test_a_failure_is_a_connection_that_did_not_come_about() -> None:
    async with Transport() as transport:
        with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid"):
            await transport.fetch("GET", URL("http://no-such-host.invalid/"))


async def test_a_caller_that_is_cancelled_does_not_wait(deaf: threading.Event) -> None:
    looking = asyncio.create_task(resolver().resolve("school.example"))
    await asyncio.to_thread(deaf.wait, 60)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_an_answer_that_nobody_waits_for_any_more_goes_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """It causes no exception in the thread or in the loop: warnings are errors here."""
    go_on, gone = threading.Event(), threading.Event()

    def late(*_: Any, **__: Any) -> Any:
        go_on.wait(60)
        gone.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    looking = asyncio.create_task(resolver().resolve("school.example"))
    await asyncio.sleep(0)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    go_on.set()
    await asyncio.to_thread(gone.wait, 60)


def test_neither_the_loop_nor_the_process_waits_for_it_at_its_end() -> None:
    script = (
        "import asyncio, socket, time\n"
        "socket.getaddrinfo = lambda *_, **__: time.sleep(3600)\n"
        "from bds_async.brightspace.http.name_lookup import resolver\n"
        "async def main():\n"
        "    await asyncio.wait([asyncio.create_task(resolver().resolve('school.example'))], timeout=0.1)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
