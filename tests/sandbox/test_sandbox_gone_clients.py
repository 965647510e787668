"""Clients that disconnect during an answer, and servers that hang up: no noise, no leftovers."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import pytest

from bds_async.sandbox import Fault, Sandbox, SandboxSettings

BROKEN = (aiohttp.ClientError, ConnectionError)


@pytest.fixture(autouse=True)
def silence(caplog):
    """Check that nothing here logs an error."""
    caplog.set_level(logging.INFO)
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_client_that_leaves_in_the_middle_of_a_body(serve, eventually):
    caller = await serve(bandwidth=10_000, scale=1)
    async with caller.http.get(await caller.signed()) as response:
        await response.content.readany()
        assert caller.sandbox.counters.bodies_in_flight == 1
        response.close()
    await eventually(lambda: caller.sandbox.counters.bodies_in_flight == 0)
    assert caller.sandbox.requests[-1].status == 200
    assert 0 < caller.sandbox.requests[-1].body_bytes < caller.sandbox.catalogue()[0].newest_full.size


async def test_a_client_that_leaves_during_a_stall(serve, eventually):
    caller = await serve(faults=(Fault.of("stall", after=10),))
    async with caller.http.get(await caller.signed()) as response:
        await response.content.readexactly(10)
        response.close()
    await eventually(lambda: caller.sandbox.counters.bodies_in_flight == 0)


async def test_a_client_that_leaves_before_the_answer(serve):
    caller = await serve(faults=(Fault.of("hang", on="storage"),))
    with pytest.raises(TimeoutError):
        await caller.http.get(await caller.signed(), timeout=aiohttp.ClientTimeout(total=0.05))
    assert caller.sandbox.requests[-1].status is None


@pytest.mark.parametrize(
    "fault",
    [
        Fault.of("reset", on="storage"),
        Fault.of("cut", after=20),
        Fault.of("cut", after=20, framing="chunked"),
        Fault.of("cut", after=0, ending="close"),
        Fault.of("length", declared="longer"),
    ],
    ids=lambda fault: f"{fault.action}",
)
async def test_connections_that_the_sandbox_drops(serve, fault, eventually):
    caller = await serve(faults=(fault,))
    link = await caller.signed()
    for _ in range(5):
        with pytest.raises(BROKEN):
            await caller.bare(link)
    await eventually(lambda: caller.sandbox.counters.bodies_in_flight == 0)


async def test_a_sandbox_that_stops_while_it_stalls_and_hangs(eventually):
    sandbox = Sandbox(SandboxSettings(data_sets=1, faults=(Fault.of("hang", on="versions"),)))
    async with sandbox, aiohttp.ClientSession() as http:
        asking = asyncio.create_task(http.get(f"{sandbox.tenant_url}/d2l/api/versions/"))
        await eventually(lambda: sandbox.requests)
        await sandbox.stop()
        with pytest.raises(BROKEN):
            await asking


async def test_a_sandbox_that_stops_while_an_archive_is_made(eventually, calling):
    sandbox = Sandbox(SandboxSettings(data_sets=1, huge_bytes=5 * 10**9))
    async with aiohttp.ClientSession() as http:
        await sandbox.start()
        caller = calling(sandbox, http)
        await caller.sign_in()
        link = await caller.signed(1)
        asking = asyncio.create_task(caller.bare(link))
        folder = sandbox._tenant._spool.folder
        await eventually(lambda: list(folder.iterdir()))
        await sandbox.stop()
        with pytest.raises(BROKEN):
            await asking
        assert not folder.exists()


async def test_stopping_twice_or_before_the_start_is_harmless():
    sandbox = Sandbox(SandboxSettings(data_sets=1))
    await sandbox.stop()
    await sandbox.stop()


async def test_coming_back_twice_and_stopping_while_away(serve):
    caller = await serve()
    await caller.sandbox.come_back()
    await caller.sandbox.go_away(3600)
    await caller.sandbox.go_away()
    await caller.sandbox.stop()
    await caller.sandbox.come_back()
    with pytest.raises(BROKEN):
        await caller.get("/datasets/bds")


async def test_two_outages_at_once_are_one(serve):
    caller = await serve(faults=(Fault.of("outage", on="catalogue", seconds=3600),))
    gone = await asyncio.gather(*(caller.get("/datasets/bds") for _ in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, BROKEN) for outcome in gone)
    caller.sandbox.play()
    await caller.sandbox.come_back()
    assert (await caller.get("/datasets/bds")).status == 200


async def test_every_answer_waits_for_the_latency():
    async with Sandbox(SandboxSettings(data_sets=1, latency=3600)) as sandbox, aiohttp.ClientSession() as http:
        for url in (sandbox.auth_url, sandbox.tenant_url, sandbox.storage_url):
            with pytest.raises(TimeoutError):
                await http.get(url, timeout=aiohttp.ClientTimeout(total=0.05))
            assert sandbox.requests[-1].status is None
