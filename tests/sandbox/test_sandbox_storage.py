"""The origin of the storage: signed links, ranges, validators; and bytes from the tenant itself."""

from __future__ import annotations

import pytest

from bds_async.sandbox.web.ranges import Selection, _bounds


async def test_a_signed_link_serves_the_zip_that_the_truth_knows(serve):
    caller = await serve()
    truth = caller.sandbox.catalogue()[0].newest_full
    answer = await caller.bare(await caller.signed())
    assert answer.status == 200
    assert answer.body == truth.read()
    assert int(answer.headers["Content-Length"]) == truth.size
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert (await caller.entry())["DownloadSize"] == truth.size


async def test_a_bearer_at_the_storage_is_refused_and_counted(serve):
    caller = await serve()
    answer = await caller.get(await caller.signed())
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert caller.sandbox.counters.refused_bearers == 1


async def test_bad_and_expired_signatures_are_403_in_xml(serve):
    caller = await serve()
    link = await caller.signed()
    forged = await caller.bare(link[:-1] + ("0" if link[-1] != "0" else "1"))
    assert (forged.status, b"SignatureDoesNotMatch" in forged.body) == (403, True)
    assert (await caller.bare(link.split("?", maxsplit=1)[0])).status == 403
    short = await serve(signed_link_life=-1)
    expired = await short.bare(await short.signed())
    assert (expired.status, b"AccessDenied" in expired.body) == (403, True)


async def test_a_range_is_answered_by_the_bytes_asked_for(serve):
    caller = await serve()
    link, whole = await caller.signed(), caller.sandbox.catalogue()[0].newest_full.read()
    part = await caller.bare(link, Range="bytes=10-19")
    assert (part.status, part.body) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert (await caller.bare(link, Range="bytes=-7")).body == whole[-7:]
    assert (await caller.bare(link, Range="bytes=5-")).body == whole[5:]
    beyond = await caller.bare(link, Range=f"bytes=3-{len(whole) + 100}")
    assert beyond.body == whole[3:]


@pytest.mark.parametrize("header", ["bytes=1-2,5-6", "bytes=9-1", "bytes=-", "lines=1-2", "nonsense"])
async def test_ranges_that_make_no_sense_get_the_whole(serve, header):
    caller = await serve()
    assert (await caller.bare(await caller.signed(), Range=header)).status == 200


async def test_a_range_past_the_end_is_416_with_the_total(serve):
    caller = await serve()
    size = caller.sandbox.catalogue()[0].newest_full.size
    answer = await caller.bare(await caller.signed(), Range=f"bytes={size}-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")


async def test_if_range_holds_the_validator_against_the_object(serve):
    caller = await serve()
    link = await caller.signed()
    head = await caller.bare(link, Range="bytes=0-0")
    for good in (head.headers["ETag"], head.headers["Last-Modified"]):
        assert (await caller.bare(link, **{"Range": "bytes=1-2", "If-Range": good})).status == 206
    for bad in ('"other"', f"W/{head.headers['ETag']}", "Mon, 01 Jan 2024 00:00:00 GMT"):
        assert (await caller.bare(link, **{"Range": "bytes=1-2", "If-Range": bad})).status == 200


async def test_a_storage_without_ranges_or_validators(serve):
    caller = await serve(ranges=False, etags=False)
    answer = await caller.bare(await caller.signed(), Range="bytes=0-0")
    assert answer.status == 200
    assert not {"ETag", "Last-Modified", "Accept-Ranges"} & set(answer.headers)


async def test_the_tenant_can_serve_the_bytes_itself(serve):
    caller = await serve(direct=True)
    link = (await caller.entry())["DownloadLink"]
    answer = await caller.get(link, Range="bytes=0-3")
    assert (answer.status, answer.body) == (206, b"PK\x03\x04")
    assert "X-Request-Cost" in answer.headers
    assert (await caller.bare(link)).status == 401


async def test_an_extract_that_is_dropped_from_the_lists_is_gone_from_the_storage(serve):
    from datetime import timedelta

    caller = await serve(signed_link_life=10**9)
    link = await caller.signed()
    caller.sandbox.advance(timedelta(days=60))
    assert (await caller.bare(link)).status == 404
    assert (await caller.bare(f"{caller.sandbox.storage_url}/elsewhere")).status == 404


async def test_the_pace_of_a_body_can_be_held(serve):
    caller = await serve(bandwidth=100_000_000)
    assert (await caller.bare(await caller.signed())).body == caller.sandbox.catalogue()[0].newest_full.read()


def test_bounds_of_suffix_ranges_stay_within_the_object():
    assert _bounds("", "500", 100) == (0, 100)
    assert Selection(206, *_bounds("5", "", 100)).stop == 100
