"""The bound on the bodies of several runs together."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from yarl import URL

from bds_async.brightspace.gate import Gate
from bds_async.errors import UnreachableError
from bds_async.transfer import Bodies
from tests.conftest import Connect, Serve, unheard


async def test_a_tenant_that_holds_its_requests_takes_nothing_from_the_others(serve: Serve, connect: Connect) -> None:
    """Its requests wait before they count for the bound; a signed link needs no gate, and waits only for the bound."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response()

    url, gate, bodies = await serve(answer), Gate(unheard), Bodies(1)
    held, other = await connect(url, gate=gate), await connect(url)
    gate.hold("asked to wait", 60)

    async def ask(tenant, link: URL) -> None:
        async with bodies.one_of(tenant, link):
            pass

    waiting = asyncio.create_task(ask(held, url / "own"))
    async with asyncio.timeout(5):
        await ask(other, url / "own")
        await ask(held, URL("https://storage.example/signed"))
    assert not waiting.done()
    gate.close(UnreachableError("given up"))
    with pytest.raises(UnreachableError):
        await waiting
