"""Signed links are requested ahead of their use: within a bound, none needlessly, and a failure costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bds_async.transfer import LinksAhead
from bds_async.transfer.download import Download
from bds_async.transfer.partial import Partial
from tests.support.builders import a_step, an_extract
from tests.support.places import prepared

STORAGE = "http://127.0.0.2:1/signed"


class Tenant:
    """Redirects each link to a storage; `asked` are the paths, in the order of the requests."""

    def __init__(self, status: int = 302) -> None:
        self.asked: list[str] = []
        self._status = status

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(status=self._status, headers={"Location": f"{STORAGE}{request.path}"})


Begin = Callable[..., AbstractAsyncContextManager[tuple[LinksAhead, list[Download]]]]


@pytest.fixture
def begin(serve, connect, tmp_path: Path) -> Begin:
    """A function that expects three downloads from a tenant, with this many links ahead."""

    @asynccontextmanager
    async def start(
        site: Tenant, ahead: int, smallest: int = 0, sizes: Sequence[int] = (3, 2, 1)
    ) -> AsyncIterator[tuple[LinksAhead, list[Download]]]:
        url, workspace = await serve(site), prepared(tmp_path)
        tenant = await connect(url)
        extracts = [
            an_extract(plugin_id=f"p{number}", download_link=f"{url}{number}", download_size=size)
            for number, size in enumerate(sizes)
        ]
        downloads = [Download(a_step(each), Partial.load(workspace, each.identity), 3) for each in extracts]
        async with asyncio.TaskGroup() as tasks:
            links = LinksAhead(tenant, ahead, smallest)
            links.expect(downloads, tasks)
            yield links, downloads

    return start


async def test_a_link_is_there_when_its_download_begins(begin: Begin) -> None:
    """A download whose link is already requested waits for it, and no request is made twice."""
    site = Tenant()
    async with begin(site, 3) as (links, downloads):
        assert str(await links.link_of(downloads[0])) == downloads[0].extract.download_link, "nothing was asked yet"
        links.go_on()
        found = [str(await links.link_of(each)) for each in downloads]
    assert found == [f"{STORAGE}/{number}" for number in range(3)]
    assert sorted(site.asked) == ["/0", "/1", "/2"]


async def test_no_more_are_asked_for_than_the_bound_until_one_is_used(begin: Begin) -> None:
    site = Tenant()
    async with begin(site, 1) as (links, downloads):
        links.go_on()
        links.go_on()
        await links.link_of(downloads[0])
        assert site.asked == ["/0"]
        links.go_on()
        await links.link_of(downloads[1])
    assert site.asked == ["/0", "/1"]


async def used(links: LinksAhead, *downloads: Download) -> None:
    """Begin downloads, and use the links that were requested for them."""
    for download in downloads:
        download.begin()
        await links.link_of(download)


async def test_links_are_requested_at_both_ends_each_within_its_bound(begin: Begin) -> None:
    """A link that is used makes room at its own end only."""
    site = Tenant()
    async with begin(site, 1, 1, [4, 3, 2, 1]) as (links, downloads):
        links.go_on()
        await used(links, downloads[0])
        links.go_on()
        await used(links, downloads[1], downloads[3])
        asked = sorted(site.asked)
    assert asked == ["/0", "/1", "/3"]


async def test_equal_downloads_are_requested_in_order_of_arrival_and_once(begin: Begin) -> None:
    """The pool takes them in this order at both ends."""
    site = Tenant()
    async with begin(site, 1, 1, [5, 5, 5]) as (links, downloads):
        links.go_on()
        await used(links, *downloads[:2])
        asked = sorted(site.asked)
        links.go_on()
        await used(links, downloads[2])
    assert asked == ["/0", "/1"]
    assert sorted(site.asked) == ["/0", "/1", "/2"]


async def test_none_is_asked_for_a_download_that_has_begun(begin: Begin) -> None:
    site = Tenant()
    async with begin(site, 2) as (links, downloads):
        downloads[0].begin()
        links.go_on()
        await links.link_of(downloads[1])
    assert sorted(site.asked) == ["/1", "/2"]


async def test_a_link_that_cannot_be_had_is_left_to_the_download(begin: Begin) -> None:
    site = Tenant(status=404)
    async with begin(site, 3) as (links, downloads):
        links.go_on()
        assert str(await links.link_of(downloads[0])) == downloads[0].extract.download_link
