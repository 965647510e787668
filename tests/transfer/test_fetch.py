"""One piece at a time: what is requested, which answers are accepted, and what happens to a broken body."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bds_async.errors import ExtractError, TransientError
from bds_async.events import Event, Received, Restarted, Retrying, Started
from bds_async.transfer import download as downloads
from bds_async.transfer.download import Download, Piece
from bds_async.transfer.fetch import Transfer
from bds_async.transfer.partial import Partial
from tests.support.builders import a_step, an_extract
from tests.support.places import prepared

TAG, OTHER_TAG = '"one"', '"two"'
#: The zip is not verified here; it only has to begin like one.
BODY = b"PK\3\4" + bytes(range(256)) * 40
SIZE = len(BODY)
PIECE = 4000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch, quick_retries) -> None:
    monkeypatch.setattr(downloads, "LARGE", PIECE)
    monkeypatch.setattr(downloads, "PIECE", PIECE)


def asked_of(request: web.Request) -> tuple[int, int]:
    """Start and stop of the requested range; those of the whole body without a range."""
    start, _, last = request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
    return int(start), min(int(last) + 1, SIZE) if last else SIZE


def ranged(start: int, stop: int, *, total: int = SIZE, tag: str = TAG, body: bytes | None = None) -> web.Response:
    headers = {"Content-Range": f"bytes {start}-{stop - 1}/{total}", "ETag": tag}
    return web.Response(status=206, body=BODY[start:stop] if body is None else body, headers=headers)


async def honest(request: web.Request) -> web.Response:
    """Answer as a storage should."""
    start, stop = asked_of(request)
    is_same = request.headers.get("If-Range", TAG) == TAG
    if "Range" not in request.headers or not is_same:
        return web.Response(body=BODY, headers={"ETag": TAG})
    return ranged(start, stop) if start < stop else web.Response(status=416)


class Site:
    """Answers the first requests as a test says, the others honestly, and records their headers."""

    def __init__(self, *handlers: Handler) -> None:
        self.handlers, self.seen = list(handlers), []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path != "/zip":
            # A check whether the tenant answers at all.
            return web.Response()
        self.seen.append(request.headers)
        return await (self.handlers.pop(0) if self.handlers else honest)(request)

    @property
    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for headers in self.seen]


class Run:
    """A download of BODY, its pieces fetched one after the other."""

    def __init__(self, transfer_of: Callable[..., Transfer], download: Download) -> None:
        self.download = download
        self.events: list[Event] = []
        self.queue: list[Piece] = []
        self.transfer = transfer_of(self.queue.append, self.events.append)

    async def all(self) -> bytes:
        """Fetch until nothing is queued; return the bytes of the partial file."""
        if (first := self.download.first_piece()) is not None:
            self.queue.append(first)
        while self.queue:
            await self.transfer.fetch(self.queue.pop(0))
        return self.download.partial.path.read_bytes()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def begin(serve, connect, tmp_path: Path):
    """A function that begins a download from a site, which is both tenant and storage."""

    async def start(site: Handler, *, large: bool = False, attempts: int = 3, stall_timeout: float = 5.0) -> Run:
        workspace = prepared(tmp_path)
        url = await serve(site)
        tenant = await connect(url, stall_timeout=stall_timeout)
        extract = an_extract(download_link=f"{url}zip", download_size=SIZE if large else None)
        download = Download(a_step(extract), Partial.load(workspace, extract.identity), attempts)
        return Run(lambda put, observer: Transfer(tenant, put, observer, stall_timeout=stall_timeout), download)

    return start


def stream(body: bytes, *, ends: bool = True, status: int = 200, **headers: str) -> Handler:
    """A chunked body; without `ends`, the connection is dropped after it."""

    async def handler(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = web.StreamResponse(status=status, headers=named)
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(body)
        if ends:
            await response.write_eof()
        else:
            request.transport.close()
        return response

    return handler


async def stalls(request: web.Request) -> web.StreamResponse:
    """Begin a page, and send no more of it."""
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    await response.write(b"<html>")
    await asyncio.sleep(3600)
    return response


class TestRequests:
    async def test_a_small_extract_is_a_plain_get(self, begin):
        site = Site()
        assert await (await begin(site)).all() == BODY
        assert (len(site.seen), site.ranges) == (1, [None])
        assert site.seen[0]["Accept-Encoding"] == "identity"

    async def test_a_large_one_is_its_head_its_end_then_the_rest_of_the_same_object(self, begin):
        site = Site()
        assert await (await begin(site, large=True)).all() == BODY
        assert site.ranges == ["bytes=0-3999", f"bytes=8000-{SIZE - 1}", "bytes=4000-7999"]
        assert [headers.get("If-Range") for headers in site.seen] == [None, TAG, TAG]

    async def test_a_break_is_gone_on_with_from_the_next_byte(self, begin):
        site = Site(stream(BODY[:1000], ends=False, ETag=TAG))
        assert await (await begin(site)).all() == BODY
        assert site.ranges == [None, "bytes=1000-"]

    async def test_without_a_validator_it_is_asked_for_anew(self, begin):
        site = Site(stream(BODY[:1000], ends=False))
        run = await begin(site)
        assert await run.all() == BODY
        assert site.ranges == [None, None]
        assert [event.lost_bytes for event in run.of(Restarted)] == [1000]

    async def test_a_page_in_place_of_the_zip_does_not_shape_the_next_request(self, begin):
        """Its length is not used for a range."""

        async def page(request: web.Request) -> web.Response:
            return web.Response(text="<html>Log in</html>")

        site = Site(page, page)
        assert await (await begin(site)).all() == BODY
        assert site.ranges == [None, None, None]


class TestAnswers:
    async def test_the_whole_in_place_of_a_range_is_taken_as_it_comes(self, begin):
        async def whole(request: web.Request) -> web.Response:
            return web.Response(body=BODY, headers={"ETag": TAG})

        site = Site(whole)
        assert await (await begin(site, large=True)).all() == BODY
        assert len(site.seen) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            ranged(4001, 8000),
            ranged(3999, 8000),
            ranged(4000, 8000, tag=OTHER_TAG),
            ranged(4000, 8000, tag="W/" + TAG),
            ranged(4000, 8000, total=SIZE + 1),
            ranged(4000, 8001),
            web.Response(status=206, body=BODY[4000:8000], headers={"ETag": TAG}),
            web.Response(status=206, headers={"ETag": TAG, "Content-Range": "bytes */1"}),
            web.Response(status=416, headers={"ETag": TAG}),
        ],
        ids=lambda answer: f"{answer.status} {answer.headers.get('Content-Range')} {answer.headers.get('ETag')}",
    )
    async def test_whatever_is_not_the_asked_range_of_the_same_object_starts_over(self, begin, answer):
        async def wrong(request: web.Request) -> web.Response:
            return answer

        site = Site(honest, honest, wrong)
        run = await begin(site, large=True)
        assert await run.all() == BODY
        assert site.ranges[3:] == [None]
        assert [event.lost_bytes for event in run.of(Restarted)] == [SIZE - 4000]
        assert run.download.restarts == 1

    async def test_a_range_that_is_longer_than_it_says_is_cut(self, begin):
        async def longer(request: web.Request) -> web.Response:
            return ranged(4000, 8000, body=BODY[4000:8000] + b"more")

        assert await (await begin(Site(honest, honest, longer), large=True)).all() == BODY

    async def test_one_that_is_shorter_than_asked_is_completed(self, begin):
        async def shorter(request: web.Request) -> web.Response:
            return ranged(4000, 5000)

        site = Site(honest, honest, shorter)
        assert await (await begin(site, large=True)).all() == BODY
        assert "bytes=5000-7999" in site.ranges

    async def test_all_of_a_range_without_its_end_is_all_of_it(self, begin):
        """In chunks, the last of which is missing: every wanted byte has arrived."""
        named = {"Content_Range": f"bytes 4000-7999/{SIZE}", "ETag": TAG}
        site = Site(honest, honest, stream(BODY[4000:8000], ends=False, status=206, **named))
        assert await (await begin(site, large=True, attempts=1)).all() == BODY
        assert len(site.seen) == 3

    async def test_a_small_object_behind_a_large_promise_is_its_head_alone(self, begin, monkeypatch):
        monkeypatch.setattr(downloads, "PIECE", SIZE + 1000)
        site = Site()
        assert await (await begin(site, large=True)).all() == BODY
        assert site.ranges == [f"bytes=0-{SIZE + 999}"]

    async def test_an_answer_that_comes_after_its_download_has_gone_on_is_dropped(self, begin):
        may_answer = asyncio.Event()

        async def late(request: web.Request) -> web.Response:
            await may_answer.wait()
            return await honest(request)

        run = await begin(Site(late))
        fetch = asyncio.create_task(run.transfer.fetch(run.download.first_piece()))
        while not run.of(Started):  # noqa: ASYNC110
            await asyncio.sleep(0)
        run.download.restart()
        may_answer.set()
        await fetch
        assert run.download.partial.held_bytes == 0
        assert not run.of(Received)


class TestTries:
    async def test_as_many_as_allowed_then_the_last_error(self, begin):
        async def busy(request: web.Request) -> web.Response:
            return web.Response(status=503)

        site = Site(*[busy] * 9)
        run = await begin(site, attempts=3)
        with pytest.raises(TransientError, match="/zip answered 503"):
            await run.all()
        assert (len(site.seen), run.download.failures) == (3, 3)

    async def test_a_server_that_never_serves_one_object_to_its_end_is_given_up(self, begin):
        async def nonsense(request: web.Request) -> web.Response:
            return ranged(1, 2)

        site = Site(*[nonsense] * 99)
        with pytest.raises(ExtractError, match="never served one object to its end in 2 tries"):
            await (await begin(site, attempts=2)).all()
        assert len(site.seen) == 2

    @pytest.mark.parametrize("status", [202, 204, 205])
    async def test_an_answer_without_the_content_is_tried_again_after_a_wait(self, begin, status):
        async def empty(request: web.Request) -> web.Response:
            return web.Response(status=status)

        run = await begin(Site(empty, empty), attempts=3)
        assert await run.all() == BODY
        why = f"/zip answered {status} in place of the content."
        assert [event.why for event in run.of(Retrying)] == [why, why]

    async def test_a_server_that_starts_over_again_and_again_is_given_time(self, begin, monkeypatch):
        """From the second restart on, as after any failed try."""
        waits = []
        monkeypatch.setattr("bds_async.transfer.fetch.full_jitter", lambda failures: waits.append(failures) or 0.0)

        async def nonsense(request: web.Request) -> web.Response:
            return ranged(1, 2)

        assert await (await begin(Site(*[nonsense] * 3), attempts=5)).all() == BODY
        assert waits == [1, 2]

    async def test_failed_tries_before_a_restart_count_after_it(self, begin):
        async def nonsense(request: web.Request) -> web.Response:
            return ranged(1, 2)

        async def busy(request: web.Request) -> web.Response:
            return web.Response(status=503)

        site = Site(busy, busy, nonsense, *[busy] * 9)
        with pytest.raises(TransientError):
            await (await begin(site, attempts=3)).all()
        assert len(site.seen) == 4

    async def test_a_piece_that_nobody_needs_any_more_does_not_wait(self, begin, monkeypatch):
        monkeypatch.setattr("bds_async.transfer.fetch.full_jitter", lambda _: 1e9)
        run = await begin(Site())
        stale = run.download.first_piece()
        run.download.restart()
        run.download.restart()
        await asyncio.wait_for(run.transfer.fetch(stale), 5)

    async def test_a_break_of_a_piece_that_nobody_needs_any_more_is_no_failure(self, begin):
        """Its download was restarted during the transfer of the body."""
        run = await begin(Site(stalls), stall_timeout=0.2)
        fetch = asyncio.create_task(run.transfer.fetch(run.download.first_piece()))
        while not run.download.partial.total:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        run.download.restart()
        failures = run.download.failures
        await fetch
        assert run.download.failures == failures


class TestCancelling:
    @pytest.mark.parametrize("is_superseded", [False, True])
    async def test_it_ends_the_fetch_whatever_has_come(self, begin, is_superseded):
        """Half a page has arrived, which would be a fault to retry; or the download was restarted."""
        run = await begin(Site(stalls))
        fetch = asyncio.create_task(run.transfer.fetch(run.download.first_piece()))
        while not run.download.partial.total:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        if is_superseded:
            run.download.restart()
        fetch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await fetch
        assert fetch.cancelled()

    @pytest.mark.parametrize(("knob", "value"), [("BLOCK", 100), ("LINGER", 0.0)])
    async def test_what_was_written_by_size_or_by_time_stays_and_was_told(self, begin, monkeypatch, knob, value):
        monkeypatch.setattr(f"bds_async.transfer.fetch.{knob}", value)

        async def half(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(SIZE), "ETag": TAG})
            await response.prepare(request)
            await response.write(BODY[:5000])
            await asyncio.sleep(3600)
            return response

        run = await begin(Site(half))
        fetch = asyncio.create_task(run.transfer.fetch(run.download.first_piece()))
        while sum(event.new_bytes for event in run.of(Received)) < 5000:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        fetch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await fetch
        assert run.download.partial.held_bytes == 5000
        assert await run.all() == BODY


class TestTelling:
    async def test_the_start_and_every_byte_are_told_once(self, begin):
        run = await begin(Site(), large=True)
        await run.all()
        assert [event.held_bytes for event in run.of(Started)] == [0]
        assert sum(event.new_bytes for event in run.of(Received)) == SIZE

    async def test_bytes_that_are_lost_are_taken_back(self, begin):
        """The sum of the reported bytes is the length of the file."""
        site = Site(honest, stream(BODY[:3000], ends=False), honest)
        run = await begin(site, large=True)
        await run.all()
        received = sum(event.new_bytes for event in run.of(Received))
        assert received - sum(event.lost_bytes for event in run.of(Restarted)) == SIZE

    async def test_no_error_quotes_a_link(self, begin):
        async def gone(request: web.Request) -> web.Response:
            return web.Response(status=404)

        run = await begin(Site(gone))
        extract = an_extract(download_link=f"{run.download.extract.download_link}?sig=hush")
        run.download.step = a_step(extract)
        with pytest.raises(ExtractError) as caught:
            await run.all()
        assert "hush" not in str(caught.value)
