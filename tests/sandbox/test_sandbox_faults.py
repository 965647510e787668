"""Each fault, played over a real socket."""

from __future__ import annotations

import asyncio
import gzip
import io
import zipfile
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from bds_async.sandbox import Fault

BROKEN = (aiohttp.ClientError, ConnectionError)


async def playing(serve, action, **keys):
    """Start a sandbox with one fault; return the caller, a signed link, and the true zip."""
    caller = await serve(scale=1)
    link, whole = await caller.signed(), caller.sandbox.catalogue()[0].newest_full.read()
    caller.sandbox.play(Fault.of(action, **keys))
    return caller, link, whole


def zip_of(answer):
    return zipfile.ZipFile(io.BytesIO(answer.body))


async def test_a_status_with_headers_and_body(serve):
    fault = {"status": 503, "headers": {"X-Odd": 1}, "body": "busy", "retry_after": 1.5, "on": "catalogue"}
    caller, _, _ = await playing(serve, "status", **fault)
    answer = await caller.get("/datasets/bds")
    assert (answer.status, answer.headers["X-Odd"], answer.body) == (503, "1", b"busy")
    assert answer.headers["Retry-After"] == "1.5"
    assert caller.sandbox.requests[-1].faults == ("status",)


async def test_retry_after_as_a_date(serve):
    keys = {"status": 429, "retry_after": 2, "retry_after_form": "date", "on": "versions"}
    caller, _, _ = await playing(serve, "status", **keys)
    answer = await caller.bare(f"{caller.sandbox.tenant_url}/d2l/api/versions/")
    assert parsedate_to_datetime(answer.headers["Retry-After"])


async def test_a_page_in_place_of_the_bytes(serve):
    caller, link, _ = await playing(serve, "html")
    answer = await caller.bare(link)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    caller.sandbox.play(Fault.of("json", on="token", body=[1]))
    assert (await caller.token(grant_type="x")).json == [1]


async def test_a_reset_in_place_of_an_answer(serve):
    caller, link, _ = await playing(serve, "reset", on="storage", first=1)
    with pytest.raises(BROKEN):
        await caller.bare(link)
    assert caller.sandbox.requests[-1].status is None
    assert (await caller.bare(link)).status == 200


async def test_an_answer_that_is_lost_after_the_token_was_spent(serve):
    caller, _, _ = await playing(serve, "lost", on="token", first=1)
    live = caller.sandbox.new_refresh_token()
    with pytest.raises(BROKEN):
        await caller.token(grant_type="refresh_token", refresh_token=live)
    assert not caller.sandbox.is_live(live)
    assert caller.sandbox.requests[-1].status is None
    assert caller.sandbox.counters.exchanges == 2


async def test_an_answer_that_comes_late(serve):
    caller, link, whole = await playing(serve, "hang", on="storage", seconds=0.01)
    assert (await caller.bare(link)).body == whole


@pytest.mark.parametrize(
    ("to", "begins"),
    [
        ("http", "http://storage.example/"),
        ("unresolvable", "https://storage.invalid/"),
        ("tls", "https://127.0.0.1:"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
    ],
)
async def test_redirects_to_places_where_nothing_good_waits(serve, to, begins):
    caller, _, _ = await playing(serve, "redirect", on="download", to=to)
    answer = await caller.get((await caller.entry())["DownloadLink"])
    assert (answer.status, answer.headers["Location"].startswith(begins)) == (302, True)


async def test_a_redirect_that_loops(serve):
    caller, link, _ = await playing(serve, "redirect", on="storage")
    with pytest.raises(aiohttp.TooManyRedirects):
        await caller.http.get(link)


async def test_a_tls_redirect_fails_its_handshake(serve):
    caller, link, _ = await playing(serve, "redirect", on="storage", to="tls")
    with pytest.raises(aiohttp.ClientConnectorError):
        await caller.http.get(link)


async def test_an_expired_answer_is_the_storages_xml(serve):
    caller, link, _ = await playing(serve, "expired", at=[2])
    assert (await caller.bare(link)).status == 200
    answer = await caller.bare(link)
    assert (answer.status, b"AccessDenied" in answer.body) == (403, True)


async def test_links_that_are_born_expired_or_wear_out(serve):
    caller, _, _ = await playing(serve, "expired_link", first=1)
    assert (await caller.bare(await caller.signed())).status == 403
    assert (await caller.bare(await caller.signed())).status == 200
    caller.sandbox.play(Fault.of("link_uses", uses=2))
    link = await caller.signed()
    assert [(await caller.bare(link)).status for _ in range(3)] == [200, 200, 403]


async def test_the_tenant_goes_away_and_comes_back(serve):
    caller, link, whole = await playing(serve, "outage", on="storage", seconds=0.1, first=1)
    with pytest.raises(BROKEN):
        await caller.bare(link)
    for _ in range(200):
        try:
            assert (await caller.bare(link)).body == whole
            break
        except BROKEN:
            await asyncio.sleep(0.02)
    else:
        pytest.fail("the tenant did not come back")


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("ending", ["reset", "close"])
async def test_a_cut_that_can_be_seen(serve, framing, ending):
    caller, link, _ = await playing(serve, "cut", after=100, framing=framing, ending=ending)
    with pytest.raises(BROKEN):
        await caller.bare(link)


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_a_cut_that_looks_like_the_end(serve, framing):
    caller, link, whole = await playing(serve, "cut", after=100, framing=framing, ending="silent")
    answer = await caller.bare(link)
    assert "Content-Length" not in answer.headers
    assert answer.body == whole[:100]


async def test_a_cut_past_the_end_changes_nothing(serve):
    caller, link, whole = await playing(serve, "cut", after=10**9)
    assert (await caller.bare(link)).body == whole


async def test_a_stall_and_then_the_rest(serve):
    caller, link, whole = await playing(serve, "stall", after=50, seconds=0.05)
    assert (await caller.bare(link)).body == whole


async def test_a_stall_that_does_not_end_within_patience(serve):
    caller, link, whole = await playing(serve, "stall", after=50)
    async with caller.http.get(link, timeout=aiohttp.ClientTimeout(sock_read=0.2)) as response:
        assert await response.content.readexactly(50) == whole[:50]
        with pytest.raises(aiohttp.ServerTimeoutError):
            await response.content.read(1)


async def test_a_trickle_arrives_slowly_but_whole(serve):
    caller, link, whole = await playing(serve, "trickle", rate=10_000_000)
    assert (await caller.bare(link)).body == whole


async def test_lengths_that_are_not_the_bodys(serve):
    caller, link, whole = await playing(serve, "length", declared="longer", by=7)
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.bare(link)
    caller.sandbox.play(Fault.of("length", declared="shorter", by=7))
    assert (await caller.bare(link)).body == whole[:-7]
    for framing in ("chunked", "close"):
        caller.sandbox.play(Fault.of("length", declared=framing))
        answer = await caller.bare(link)
        assert ("Content-Length" in answer.headers, answer.body) == (False, whole)


async def test_gzip_that_nobody_asked_for(serve):
    _, link, whole = await playing(serve, "gzip")
    async with aiohttp.ClientSession(auto_decompress=False) as http, http.get(link) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await response.read()) == whole


async def test_a_flipped_bit_is_found_by_the_crc_alone(serve):
    caller, link, whole = await playing(serve, "corrupt", how="flip")
    answer = await caller.bare(link)
    assert len(answer.body) == len(whole)
    assert sum(a != b for a, b in zip(answer.body, whole, strict=True)) == 1
    with pytest.raises((zipfile.BadZipFile, Exception), match=r"CRC|Error"):
        assert zip_of(answer).testzip() is None, "Error"
    again = await caller.bare(link)
    assert (again.body, again.headers["ETag"]) == (answer.body, answer.headers["ETag"])


@pytest.mark.parametrize("how", ["truncate", "shorten"])
async def test_zips_that_lack_their_end(serve, how):
    caller, link, whole = await playing(serve, "corrupt", how=how)
    answer = await caller.bare(link)
    assert (len(answer.body) == len(whole)) == (how == "truncate")
    with pytest.raises(zipfile.BadZipFile):
        zip_of(answer)


@pytest.mark.parametrize(("shape", "members"), [("empty", 0), ("two", 2), ("twenty", 20), ("zip64", 1)])
async def test_zips_with_another_number_of_members(serve, shape, members):
    caller, link, _ = await playing(serve, "zip", shape=shape)
    archive = zip_of(await caller.bare(link))
    assert (len(archive.infolist()), archive.testzip()) == (members, None)


async def test_a_member_that_says_it_is_encrypted(serve):
    caller, link, _ = await playing(serve, "zip", shape="encrypted")
    archive = zip_of(await caller.bare(link))
    assert archive.infolist()[0].flag_bits & 1
    with pytest.raises(RuntimeError, match="encrypted"):
        archive.read(archive.infolist()[0])


@pytest.mark.parametrize("name", ["../../outside.csv", "/etc/outside.csv", "C:/outside.csv", "NUL.csv", "Readme.txt"])
async def test_members_with_hostile_names(serve, name):
    caller, link, _ = await playing(serve, "zip", shape="named", name=name)
    assert zip_of(await caller.bare(link)).namelist() == [name]


async def test_a_member_that_inflates_a_thousand_times(serve):
    caller, link, _ = await playing(serve, "zip", shape="bomb", bytes=8 << 20)
    (member,) = zip_of(await caller.bare(link)).infolist()
    assert member.file_size / member.compress_size > 500


async def test_validators_that_change_vanish_or_weaken(serve):
    caller, link, whole = await playing(serve, "etag", value="changes")
    first, second = [(await caller.bare(link)).headers["ETag"] for _ in range(2)]
    assert first != second
    assert (await caller.bare(link, **{"Range": "bytes=1-", "If-Range": first})).status == 200
    caller.sandbox.play(Fault.of("etag", value="none"))
    assert not {"ETag", "Last-Modified"} & set((await caller.bare(link)).headers)
    caller.sandbox.play(Fault.of("etag", value="weak"))
    weak = (await caller.bare(link)).headers["ETag"]
    assert weak.startswith("W/")
    assert (await caller.bare(link, **{"Range": "bytes=1-", "If-Range": weak})).status == 200
    assert (await caller.bare(link, Range="bytes=1-")).body == whole[1:]


async def test_another_validator_on_a_range_that_is_honoured(serve):
    caller, link, whole = await playing(serve, "etag", value="swapped", at=[2])
    tag = (await caller.bare(link)).headers["ETag"]
    answer = await caller.bare(link, **{"Range": "bytes=1-", "If-Range": tag})
    assert (answer.status, answer.body, answer.headers["ETag"] != tag) == (206, whole[1:], True)


async def test_ranges_that_are_ignored_refused_or_wrong(serve):
    caller, link, whole = await playing(serve, "ranges", how="ignored")
    assert (await caller.bare(link, Range="bytes=5-9")).status == 200
    caller.sandbox.play(Fault.of("ranges", how="refused"))
    assert (await caller.bare(link, Range="bytes=5-9")).status == 416
    assert (await caller.bare(link)).status == 200
    caller.sandbox.play(Fault.of("ranges", how="wrong_start", by=2))
    shifted = await caller.bare(link, Range="bytes=5-9")
    assert (shifted.headers["Content-Range"], shifted.body) == (f"bytes 3-7/{len(whole)}", whole[3:8])
    caller.sandbox.play(Fault.of("ranges", how="wrong_total", by=2))
    other = await caller.bare(link, Range="bytes=5-9")
    assert other.headers["Content-Range"] == f"bytes 5-9/{len(whole) + 2}"
    assert (await caller.bare(link)).body == whole


async def test_faults_in_bodies_are_played_on_direct_downloads_too(serve):
    caller = await serve(
        direct=True, faults=(Fault.of("cut", on="download", after=5, framing="chunked", ending="silent"),)
    )
    assert (await caller.get((await caller.entry())["DownloadLink"])).body == b"PK\x03\x04\x14"
