"""Faults of the network layer that aiohttp does not handle: each fails only its own extract."""

from __future__ import annotations

import zlib

import pytest
from aiohttp import web

from bds_async.options import PublishAs
from bds_async.sandbox import Fault
from tests.faults.playing import VICTIM

UNUSABLE = ["http://a..b/x", f"http://{'x' * 64}.example/x", "https://a..b/x", "http://xn--\x80.example/x"]


class TestUnusableHosts:
    """A host name that cannot be encoded raises UnicodeError, deep in the name lookup."""

    @pytest.mark.parametrize("link", UNUSABLE)
    async def test_in_a_download_link_it_fails_that_extract_alone(self, play, link):
        fault = Fault.of("set_field", on="extracts", field="DownloadLink", value=link, data_set=VICTIM)
        (await play(fault, attempts=2)).check_honest(reason="not a usable URL|by http, not https")

    @pytest.mark.parametrize("link", UNUSABLE[:3])
    async def test_in_a_redirect_it_fails_that_extract_alone(self, play, link, serve):
        async def away(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": link})

        to = str(await serve(away)) + "x?sig=hush"
        fault = Fault.of("set_field", on="extracts", field="DownloadLink", value=to, data_set=VICTIM)
        (await play(fault, attempts=2)).check_honest(reason="not a usable URL|by http, not https")


class TestContentEncoding:
    @pytest.mark.parametrize("label", ["gzip", "x-gzip", "deflate", "br", "zstd", "nonsense"])
    @pytest.mark.parametrize("publish_as", ["zip", "csv"])
    async def test_a_plain_zip_with_a_wrong_label_is_delivered(self, play, serve, label, publish_as):
        await self.deliver(play, serve, label, publish_as, lambda content: content)

    @pytest.mark.parametrize("publish_as", ["zip", "csv"])
    async def test_one_that_is_really_deflated_is_decoded(self, play, serve, publish_as):
        await self.deliver(play, serve, "deflate", publish_as, zlib.compress)

    async def deliver(self, play, serve, label, publish_as, coding) -> None:
        """Pull while the storage of one extract gives such an answer."""
        content: list[bytes] = []

        async def away(request: web.Request) -> web.Response:
            return web.Response(body=coding(content[0]), headers={"Content-Encoding": label, "ETag": '"a"'})

        to = str(await serve(away)) + "x?sig=hush"
        sandbox = play.__self__.sandbox
        content.append(next(each for each in sandbox.catalogue() if each.name == VICTIM).newest_full.read())
        fault = Fault.of("set_field", on="extracts", field="DownloadLink", value=to, data_set=VICTIM)
        played = await play(fault, attempts=1, publish_as=PublishAs(publish_as))
        assert played.report.exit_code == 0
        if publish_as == "zip":
            played.check_right()


class TestOtherName:
    async def test_a_link_by_another_name_of_the_tenant_names_the_bspace_url_to_set(self, play, serve):
        """It needs the bearer, which goes only to the origin of bspace_url."""

        async def vanity(request: web.Request) -> web.Response:
            assert "Authorization" not in request.headers
            return web.Response(status=401)

        url = await serve(vanity)
        link = str(url) + "d2l/api/lp/1.43/datasets/bds/s/plugins/p/extracts/x"
        fault = Fault.of("set_field", on="extracts", field="DownloadLink", value=link, data_set=VICTIM)
        played = await play(fault)
        origin = str(url.origin())
        played.check_honest(reason=f"probably another name of the tenant.* set bspace_url to {origin}")
        assert played.outcome().attempts == 1, "another try does not help"
