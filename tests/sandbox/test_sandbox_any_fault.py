"""With any fault the sandbox answers or hangs up, keeps working, and is normal again after the fault."""

from __future__ import annotations

import io
import logging
import zipfile

import aiohttp
import pytest

from bds_async.sandbox import Fault
from bds_async.sandbox.faults.specs import KINDS, LISTS, REQUIRED, SPECS

BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)
SAMPLES = {
    "status": 503,
    "seconds": 0.01,
    "field": "Full.Name",
    "value": 7,
    "name": "../x",
    "uses": 1,
    "after": 30,
    "rate": 100_000_000,
    "bytes": 1 << 20,
    "to": "http",
}
#: Limits that end a request, since some faults never do.
PATIENCE = aiohttp.ClientTimeout(total=5, sock_read=1)


def faults_of(action):
    """Return an action on each kind of request, with each choice of each of its parameters."""
    spec = SPECS[action]
    for kind in spec.kinds:
        needed = {
            name: SAMPLES[name]
            for name, parameter in spec.parameters.items()
            if parameter.default is REQUIRED or name in ("seconds", "bytes", "to")
        }
        yield Fault.of(action, on=kind, **needed)
        for name, parameter in spec.parameters.items():
            for choice in parameter.choices[1:]:
                yield Fault.of(action, on=kind, **{**needed, name: choice})


async def try_everything(caller, link):
    """Send one request of each kind; return the result of each."""
    root, outcomes = caller.sandbox.tenant_url, {}
    requests = {
        "token": ("POST", f"{caller.sandbox.auth_url}/core/connect/token"),
        "consent": ("GET", f"{caller.sandbox.auth_url}/oauth2/auth"),
        "versions": ("GET", f"{root}/d2l/api/versions/"),
        "catalogue": ("GET", f"{caller.lp}/datasets/bds"),
        "extracts": ("GET", caller.list_url),
        "download": ("GET", caller.download_url),
        "storage": ("GET", link),
    }
    for kind, (method, url) in requests.items():
        bearer = caller.bearer if kind in (*LISTS, "download") else {}
        try:
            outcomes[kind] = await caller.call(method, url, headers=bearer, timeout=PATIENCE)
        except BROKEN as error:
            outcomes[kind] = error
    return outcomes


@pytest.fixture
async def ready(serve):
    caller = await serve(direct=False)
    caller.list_url = (await caller.objects())[0]["ExtractsLink"]
    caller.download_url = (await caller.entry())["DownloadLink"]
    return caller


@pytest.mark.parametrize("action", SPECS)
async def test_a_fault_touches_its_own_kind_of_request_and_nothing_for_good(ready, action, caplog):
    """One sandbox plays one fault after another."""
    caplog.set_level(logging.INFO)
    link, truth = await ready.signed(), ready.sandbox.catalogue()[0].newest_full
    before = await try_everything(ready, link)
    for fault in faults_of(action):
        asked = len(ready.sandbox.requests)
        ready.sandbox.play(fault)
        during = await try_everything(ready, link)
        ready.sandbox.play()
        await ready.sandbox.come_back()
        link = await ready.signed()
        after = await try_everything(ready, link)
        for kind in KINDS:
            assert after[kind].status == before[kind].status, (fault, kind)
            if kind != fault.on and action != "outage":
                assert during[kind].status == before[kind].status, (fault, kind)
        assert after["storage"].body == truth.read(), fault
        assert any(action in seen.faults for seen in list(ready.sandbox.requests)[asked:]), fault
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("share", [0, 0.25, 1])
@pytest.mark.parametrize("how", ["flip", "truncate", "shorten"])
@pytest.mark.parametrize("number", [0, 1])
async def test_damage_anywhere_is_damage(serve, how, share, number):
    caller = await serve(faults=(Fault.of("corrupt", how=how, share=share),), scale=0.001)
    body = (await caller.bare(await caller.signed(number))).body
    whole = caller.sandbox.catalogue()[number].newest_full.read()
    if share == 1 and how != "flip":
        assert body == whole
        return
    assert body != whole
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever zipfile or zlib call it
        assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None


async def test_faults_add_up(serve):
    faults = (
        Fault.of("hang", on="storage", seconds=0.01),
        Fault.of("corrupt", how="shorten"),
        Fault.of("trickle", rate=10_000_000),
        Fault.of("etag", value="none"),
        Fault.of("length", declared="chunked"),
        Fault.of("stall", after=5, seconds=0.01),
    )
    caller = await serve(faults=faults)
    answer = await caller.bare(await caller.signed())
    whole = caller.sandbox.catalogue()[0].newest_full.read()
    assert answer.body == whole[: len(whole) // 2]
    assert not {"ETag", "Content-Length"} & set(answer.headers)
    assert set(caller.sandbox.requests[-1].faults) == {fault.action for fault in faults}


async def test_the_second_attempt_succeeds_where_only_the_first_is_hit(serve):
    caller = await serve(faults=(Fault.of("corrupt", first=1), Fault.of("status", status=500, first=1, on="download")))
    link = (await caller.entry())["DownloadLink"]
    assert (await caller.get(link)).status == 500
    signed = (await caller.get(link)).headers["Location"]
    whole = caller.sandbox.catalogue()[0].newest_full.read()
    assert (await caller.bare(signed)).body != whole
    assert (await caller.bare(signed)).body == whole


async def test_ranges_of_a_damaged_archive_fit_together(serve):
    caller = await serve(faults=(Fault.of("corrupt"),))
    link = await caller.signed()
    whole = (await caller.bare(link)).body
    halves = [(await caller.bare(link, Range=part)).body for part in ("bytes=0-99", "bytes=100-")]
    assert b"".join(halves) == whole
