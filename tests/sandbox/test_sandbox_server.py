"""The whole sandbox: start and stop, the config that it writes, the log, outages."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from datetime import datetime, timedelta

import aiohttp
import pytest
from yarl import URL

import bds_async.sandbox as package
from bds_async.sandbox import Sandbox, SandboxSettings


async def test_the_three_origins_differ(serve):
    sandbox = (await serve()).sandbox
    urls = {sandbox.tenant_url, sandbox.auth_url, sandbox.storage_url}
    assert len(urls) == 3
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


async def test_ports_follow_the_one_that_is_asked_for(unused_tcp_port_factory):
    for _ in range(20):
        port = unused_tcp_port_factory()
        try:
            async with Sandbox(SandboxSettings(data_sets=1, port=port)) as sandbox:
                urls = (sandbox.auth_url, sandbox.tenant_url, sandbox.storage_url)
                assert [int(url.rpartition(":")[2]) for url in urls] == [port, port + 1, port + 2]
                break
        except OSError:
            continue
    else:
        pytest.fail("no three ports in a row were free")


async def test_a_port_that_is_taken_is_an_error_that_leaves_nothing_open(serve):
    taken = int((await serve()).sandbox.tenant_url.rpartition(":")[2])
    for port in (taken, taken - 1):
        with pytest.raises(OSError, match=r"in use|10048"):
            await Sandbox(SandboxSettings(data_sets=1, port=port)).start()


async def test_the_config_is_usable_at_once(serve, tmp_path):
    caller = await serve()
    path = tmp_path / "config.json"
    caller.sandbox.write_config(path)
    assert path.read_text("utf-8").endswith("}\n")
    config = json.loads(path.read_text("utf-8"))
    assert set(config) == {"bspace_url", "client_id", "client_secret", "refresh_token", "auth_service"}
    assert config["bspace_url"] == caller.sandbox.tenant_url
    assert caller.sandbox.is_live(config["refresh_token"])
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["config.json"]


async def test_a_config_that_cannot_be_written_leaves_nothing_behind(serve, tmp_path):
    sandbox = (await serve()).sandbox
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the platform
        sandbox.write_config(tmp_path / "taken")
    assert [found.name for found in tmp_path.iterdir()] == ["taken"]


async def test_requests_are_remembered_without_queries_and_secrets(serve):
    caller = await serve()
    await caller.bare(await caller.signed(), Range="bytes=0-9")
    seen = caller.sandbox.requests[-1]
    assert (seen.origin, seen.kind, seen.data_set, seen.bds_type) == ("storage", "storage", "Users", "Full")
    assert (seen.status, seen.authorised, seen.range, seen.body_bytes) == (206, False, "bytes=0-9", 10)
    text = repr(list(caller.sandbox.requests))
    assert "Signature" not in text
    assert caller.bearer["Authorization"].split()[1] not in text
    counters = caller.sandbox.counters
    assert (counters.exchanges, counters.body_bytes, counters.bodies_in_flight) == (1, 10, 0)
    assert counters.most_bodies_in_flight == 1


async def test_the_log_of_requests_is_bounded(serve):
    caller = await serve(log_length=3)
    for _ in range(5):
        await caller.get("/datasets/bds")
    assert len(caller.sandbox.requests) == 3
    assert caller.sandbox.counters.requests == 6


async def test_an_outage_refuses_connections_and_ends_on_the_same_ports(serve):
    caller = await serve()
    url = caller.sandbox.tenant_url
    await caller.sandbox.go_away()
    with pytest.raises(aiohttp.ClientConnectorError):
        await caller.get("/datasets/bds")
    await caller.sandbox.come_back()
    assert caller.sandbox.tenant_url == url
    assert (await caller.get("/datasets/bds")).status == 200


async def test_nobody_else_gets_the_port_during_an_outage(serve):
    caller = await serve()
    await caller.sandbox.go_away()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", URL(caller.sandbox.tenant_url).port))


async def test_an_outage_can_end_by_itself(serve):
    caller = await serve()
    await caller.sandbox.go_away(0.05)
    for _ in range(200):
        try:
            assert (await caller.get("/datasets/bds")).status == 200
            break
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.02)
    else:
        pytest.fail("the tenant did not come back")


async def test_an_outage_drops_bodies_in_flight(serve):
    caller = await serve(bandwidth=1000, scale=1)
    async with caller.http.get(await caller.signed()) as response:
        await response.content.readany()
        await caller.sandbox.go_away()
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await response.read()


async def test_stopping_in_the_middle_of_a_body_leaves_nothing_running(calling):
    sandbox = Sandbox(SandboxSettings(data_sets=1, bandwidth=1000))
    before = asyncio.all_tasks()
    await sandbox.start()
    folder = sandbox._tenant._spool.folder
    async with aiohttp.ClientSession() as http:
        caller = calling(sandbox, http)
        await caller.sign_in()
        async with http.get(await caller.signed()) as response:
            await response.content.readany()
            assert list(folder.iterdir())
            await sandbox.stop()
    await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() if not task.done()} <= before
    assert not folder.exists()


async def test_time_moves_tokens_to_their_end(serve):
    caller = await serve()
    caller.sandbox.advance(timedelta(hours=2))
    assert (await caller.get("/datasets/bds")).status == 401
    with pytest.raises(ValueError, match="forward"):
        caller.sandbox.advance(timedelta(seconds=-1))


@pytest.mark.parametrize(
    "wrong", [{"now": datetime(2026, 1, 1)}, {"data_sets": -1}, {"scale": 0}, {"port": -1}, {"bandwidth": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="SandboxSettings"):
        SandboxSettings(**wrong)


def test_the_public_names_are_what_all_says():
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = package.nothing


def test_importing_the_package_is_cheap_and_needs_nothing_of_the_client_but_the_registry():
    code = (
        "import sys, bds_async.sandbox; assert 'aiohttp' not in sys.modules;"
        "from bds_async.sandbox import Sandbox;"
        "own = ('bds_async.sandbox', 'bds_async.registry');"
        "print([n for n in sys.modules if n.startswith('bds_async.') and not n.startswith(own)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
