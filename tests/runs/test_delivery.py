"""From downloads to outcomes: the pool, verification and publishing together, with servers of the tests."""

from __future__ import annotations

import asyncio
import io
import random
import zipfile
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from bds_async.brightspace.connection import Connection
from bds_async.destination import destination_of
from bds_async.errors import DestinationError
from bds_async.events import Ended, Event, Received, Restarted, Started
from bds_async.formats import formats_for
from bds_async.ledger import Ledger
from bds_async.models import BdsType, DataSet, Extract, Plugin
from bds_async.options import PublishAs, RunOptions
from bds_async.planning import Step
from bds_async.report import Outcome, Status
from bds_async.runs.context import RunContext, Storage
from bds_async.runs.delivery import Fetch
from bds_async.runs.turns import chained
from bds_async.support.clock import Stopwatch
from bds_async.support.threads import ZipThreads
from bds_async.transfer import Download, Partial
from bds_async.workspace import Workspace
from tests.support.builders import QUEUED, an_extract
from tests.support.commands import until
from tests.support.places import prepared

TENANT = "https://school.example"


def a_zip(letter: str, size: int = 3000) -> bytes:
    """Zips of equal length for all letters: only the CRC reveals a mixture of two."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("Users.csv"), f"Id,Name\r\n{letter * size}\r\n")
    return content.getvalue()


ONE, OTHER = a_zip("a"), a_zip("b")
SIZE = len(ONE)


class Deliveries:
    """Runs of deliveries into one folder."""

    def __init__(self, connect, folder: Path) -> None:
        self._connect = connect
        self.folder = folder
        self.events: list[Event] = []

    async def run(self, url: object, *extracts: Extract, **options: Any) -> dict[Extract, Outcome]:
        """Deliver these extracts, in order; return the outcome of each."""
        workspace = prepared(self.folder)
        chosen = RunOptions(**{"workers": 3, "attempts": 3, "stall_timeout": 5.0, **options})
        tenant = await self._connect(url, stall_timeout=chosen.stall_timeout)
        with Ledger.open(workspace.ledger, TENANT) as ledger, ZipThreads() as threads:
            connection = cast(Connection, SimpleNamespace(tenant=tenant))
            context = RunContext(connection, Storage(workspace, destination_of(workspace), ledger))
            formats = formats_for(chosen)(ledger)
            run = Fetch(context, formats, chosen, observer=self.events.append, threads=threads, stopwatch=Stopwatch())
            downloads = [self._download(extract, ledger, chosen, workspace) for extract in extracts]
            await run.deliver(chained(downloads))
        return {event.outcome.extract: event.outcome for event in self.events if isinstance(event, Ended)}

    def _download(self, extract: Extract, ledger: Ledger, options: RunOptions, workspace: Workspace) -> Download:
        folder = ledger.folders.folder_for(DataSet(None, Plugin(extract.plugin_id, extract.data_set), None))
        path = ledger.folders.path_for(extract, folder, options.publish_as.suffix)
        step = Step(extract, folder, path, options.publish_as)
        return Download(step, Partial.load(workspace, extract.identity), options.attempts)

    @property
    def ended(self) -> list[Extract]:
        return [event.outcome.extract for event in self.events if isinstance(event, Ended)]

    def content(self, outcome: Outcome) -> bytes:
        return (self.folder / str(outcome.path)).read_bytes()

    @property
    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*.*") if ".bds-async" not in path.parts]


@pytest.fixture
def deliveries(connect, tmp_path: Path, quick_retries) -> Deliveries:
    return Deliveries(connect, tmp_path / "to")


def differentials(url: object, number: int, **changes: object) -> list[Extract]:
    """Differentials of one data set, oldest first."""
    return [
        an_extract(
            bds_type=BdsType.DIFFERENTIAL,
            plugin_id="plugin-differential",
            download_link=f"{url}{day}",
            queued_for_processing_date=QUEUED + timedelta(days=day),
            **changes,
        )
        for day in range(number)
    ]


async def good(request: web.Request) -> web.Response:
    return web.Response(body=ONE, headers={"ETag": '"one"'})


class TestOrder:
    async def test_within_a_data_set_files_appear_in_queued_order(self, deliveries, serve):
        """Even if later ones arrive earlier."""

        async def the_later_the_sooner(request: web.Request) -> web.Response:
            await asyncio.sleep(0.2 - 0.04 * int(request.path[1:]))
            return await good(request)

        url = await serve(the_later_the_sooner)
        listed = differentials(url, 5)
        await deliveries.run(url, *listed, workers=5)
        assert deliveries.ended == listed

    async def test_a_stale_piece_that_is_refused_does_not_fail_its_download(self, deliveries, serve, monkeypatch):
        """The server ignores ranges: one answer has the whole file, and then another piece gets a 404."""
        size = 64 * 1024
        monkeypatch.setattr("bds_async.transfer.download.LARGE", size)
        monkeypatch.setattr("bds_async.transfer.download.PIECE", size)
        whole, refused, asked = a_zip("a", 5 * size), asyncio.Event(), iter(("head", "refused"))

        async def forgets(request: web.Request) -> web.StreamResponse:
            what = next(asked, "whole")
            if what == "head":
                headers = {"ETag": '"one"', "Content-Range": f"bytes 0-{size - 1}/{len(whole)}"}
                return web.Response(status=206, body=whole[:size], headers=headers)
            if what == "refused":
                await until(lambda: any(isinstance(event, Restarted) for event in deliveries.events))
                refused.set()
                return web.Response(status=404)
            response = web.StreamResponse(headers={"ETag": '"one"', "Content-Length": str(len(whole))})
            await response.prepare(request)
            await response.write(whole[:size])
            await refused.wait()
            await asyncio.sleep(0.2)
            await response.write(whole[size:])
            return response

        url = await serve(forgets)
        (extract,) = differentials(url, 1, download_size=len(whole))
        outcomes = await deliveries.run(url, extract)
        assert (outcomes[extract].status, deliveries.ended) == (Status.DOWNLOADED, [extract])
        assert deliveries.content(outcomes[extract]) == whole

    async def test_one_that_failed_is_stepped_over(self, deliveries, serve):
        async def all_but_one(request: web.Request) -> web.Response:
            return web.Response(status=404) if request.path == "/1" else await good(request)

        url = await serve(all_but_one)
        listed = differentials(url, 3)
        outcomes = await deliveries.run(url, *listed)
        assert [outcomes[extract].status for extract in listed] == [
            Status.DOWNLOADED,
            Status.FAILED,
            Status.DOWNLOADED,
        ]

    async def test_one_that_failed_early_lets_nothing_overtake_those_before_it(self, deliveries, serve):
        """Even if the failed one did not wait, and the last one arrives long before the first."""
        is_last_done = asyncio.Event()

        async def the_first_comes_last(request: web.Request) -> web.Response:
            if request.path == "/0":
                await is_last_done.wait()
            is_last_done.set() if request.path == "/2" else None
            return web.Response(status=404) if request.path == "/1" else await good(request)

        url = await serve(the_first_comes_last)
        listed = differentials(url, 3)
        await deliveries.run(url, *listed, workers=3)
        assert [extract for extract in deliveries.ended if extract is not listed[1]] == [listed[0], listed[2]]

    async def test_nothing_to_deliver_is_done_at_once(self, deliveries):
        assert await deliveries.run("http://127.0.0.1:9") == {}

    async def test_the_largest_are_begun_first(self, deliveries, serve):
        url = await serve(good)
        listed = [
            an_extract(
                plugin_id=f"plugin-{size}", data_set=f"Data Set {size}", download_size=size, download_link=f"{url}"
            )
            for size in (10, 30, 20)
        ]
        await deliveries.run(url, *listed, workers=1)
        begun = [event.extract.download_size for event in deliveries.events if isinstance(event, Started)]
        assert begun == [30, 20, 10]


class TestVerification:
    async def test_a_body_that_is_no_whole_zip_is_told_as_lost_and_fetched_anew(self, deliveries, serve):
        answers = [ONE[:-5], ONE]

        async def cut_once(request: web.Request) -> web.Response:
            return web.Response(body=answers.pop(0), headers={"ETag": f'"{len(answers)}"'})

        url = await serve(cut_once)
        (outcome,) = (await deliveries.run(url, an_extract(download_link=str(url)))).values()
        assert (outcome.status, outcome.attempts) == (Status.DOWNLOADED, 2)
        received = sum(event.new_bytes for event in deliveries.events if isinstance(event, Received))
        lost = sum(event.lost_bytes for event in deliveries.events if isinstance(event, Restarted))
        assert received - lost == SIZE

    async def test_what_a_former_run_had_fetched_whole_needs_no_request(self, deliveries, serve):
        extract = an_extract(download_link="http://127.0.0.1:9/")
        await self.left_behind(deliveries, extract, ONE)
        (outcome,) = (await deliveries.run("http://127.0.0.1:9", extract)).values()
        assert (deliveries.content(outcome), outcome.resumed_bytes) == (ONE, SIZE)

    async def test_if_it_is_damaged_it_is_fetched_from_nothing(self, deliveries, serve):
        url = await serve(good)
        extract = an_extract(download_link=str(url))
        await self.left_behind(deliveries, extract, ONE[:100] + OTHER[100:])
        (outcome,) = (await deliveries.run(url, extract)).values()
        assert (deliveries.content(outcome), outcome.resumed_bytes, outcome.attempts) == (ONE, 0, 2)

    async def left_behind(self, deliveries: Deliveries, extract: Extract, content: bytes) -> None:
        partial = Partial.load(prepared(deliveries.folder), extract.identity)
        partial.begin('"one"', len(content))
        async with await partial.open_writer(0) as writer:
            await writer.write(content)

    async def test_as_csv_the_member_is_published_and_the_zip_is_gone(self, deliveries, serve):
        url = await serve(good)
        (outcome,) = (await deliveries.run(url, an_extract(download_link=str(url)), publish_as=PublishAs.CSV)).values()
        assert deliveries.content(outcome).startswith(b"Id,Name\r\naaa")
        assert not list((deliveries.folder / ".bds-async" / "partial").iterdir())


class TestWhatStopsTheRun:
    async def test_a_full_disk_does(self, deliveries, serve, monkeypatch):
        monkeypatch.setattr("bds_async.workspace.space.free_space", lambda path: 10)
        url = await serve(good)
        with pytest.raises(ExceptionGroup) as caught:
            await deliveries.run(url, an_extract(download_link=str(url)))
        assert caught.group_contains(DestinationError, match="No room")
        assert deliveries.files == []


class LyingStorage:
    """Answers at random: honestly, or with other bytes, ranges, validators, lengths, statuses, ends."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.asked = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.chance.random() < 0.1:
            return web.Response(status=self.chance.choice([200, 204, 206, 416, 408, 429, 500, 503]), headers=self.wait)
        body, tag = self.chance.choice([(ONE, '"one"')] * 5 + [(OTHER, '"other"')])
        start, stop = self.bounds(request, tag)
        named = self.chance.choice([tag] * 8 + [f"W/{tag}", '"other"', '"one"', ""])
        headers = {"ETag": named} if named else {}
        if stop is None:
            return await self.send(request, web.StreamResponse(headers=headers), body)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{self.chance.choice([SIZE] * 9 + [SIZE + 1])}"
        return await self.send(request, web.StreamResponse(status=206, headers=headers), body[start:stop])

    @property
    def wait(self) -> dict[str, str]:
        return {"Retry-After": "0"}

    def bounds(self, request: web.Request, tag: str) -> tuple[int, int | None]:
        """The range to answer with, at times a wrong one; without a stop, everything."""
        asked = request.headers.get("Range", "").removeprefix("bytes=")
        if not asked or request.headers.get("If-Range", tag) != tag or self.chance.random() < 0.05:
            return 0, None
        start, _, last = asked.partition("-")
        bounds = [int(start), min(int(last) + 1 if last else SIZE, SIZE)]
        if self.chance.random() < 0.1:
            bounds = sorted(self.chance.sample(range(SIZE + 1), 2))
        return (bounds[0], bounds[1]) if bounds[0] < bounds[1] else (0, None)

    async def send(self, request: web.Request, response: web.StreamResponse, body: bytes) -> web.StreamResponse:
        """Send with a length or in chunks; one in four ends too early."""
        if self.chance.random() < 0.5:
            response.content_length = len(body)
        await response.prepare(request)
        if self.chance.random() < 0.75:
            await response.write(body)
            await response.write_eof()
        else:
            await response.write(body[: self.chance.randrange(len(body))])
            if response.content_length is None and self.chance.random() < 0.5:
                await response.write_eof()
            elif request.transport is not None:
                request.transport.close()
        return response


class TestAnyServer:
    @pytest.mark.parametrize("seed", range(4))
    async def test_ends_in_a_right_file_or_an_honest_failure(self, connect, serve, tmp_path, monkeypatch, seed):
        """A mixture of two versions is never published, nothing hangs, and reported bytes add up."""
        for name, value in (("download.LARGE", 1000), ("download.PIECE", 700), ("fetch.BLOCK", 256)):
            monkeypatch.setattr(f"bds_async.transfer.{name}", value)
        for name, pace in (("BASE", 0.0001), ("PROGRESS", 500)):
            monkeypatch.setattr(f"bds_async.brightspace.retry.{name}", pace)
        chance = random.Random(seed)
        arrived = 0
        for number in range(20):
            deliveries = Deliveries(connect, tmp_path / f"{number}")
            storage = LyingStorage(chance)
            url = await serve(storage)
            sizes = [None, 500, SIZE, 10**9]
            listed = [an_extract(plugin_id=f"p{size}", download_link=str(url), download_size=size) for size in sizes]
            for _ in range(2):
                async with asyncio.timeout(20):
                    outcomes = await deliveries.run(url, *listed, attempts=4)
                listed = [extract for extract in listed if outcomes[extract].status is Status.FAILED]
            arrived += self.check(deliveries, outcomes)
        assert arrived > 40

    def check(self, deliveries: Deliveries, outcomes: dict[Extract, Outcome]) -> int:
        arrived = [outcome for outcome in outcomes.values() if outcome.status is Status.DOWNLOADED]
        assert all(deliveries.content(outcome) in (ONE, OTHER) for outcome in arrived)
        assert len(deliveries.files) == len(arrived)
        assert all(outcome.error for outcome in outcomes.values() if outcome.status is Status.FAILED)
        return len(arrived)
