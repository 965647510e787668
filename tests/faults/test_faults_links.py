"""Links and redirects: expired, in circles, to hosts that do not exist or cannot be trusted."""

import ssl

import pytest
from aiohttp import web

from bds_async.brightspace.tenant import MAX_REDIRECTS
from bds_async.sandbox import Fault
from tests.faults.playing import VICTIM


def redirected(to: str, **keys) -> Fault:
    return Fault.of("redirect", **{"on": "download", "data_set": VICTIM, "to": to, **keys})


class TestExpired:
    async def test_a_link_that_is_born_expired_is_asked_for_anew(self, play):
        (await play(Fault.of("expired_link", data_set=VICTIM, first=2))).check_right()

    async def test_if_they_all_are_the_extract_fails(self, play):
        played = await play(Fault.of("expired_link", data_set=VICTIM), attempts=3)
        played.check_honest(reason="127.0.0.1 answered 403. It refused a fresh signed link")
        assert len(played.requests("download")) == len(played.requests("storage")) == 3

    async def test_one_that_expired_before_a_retry_costs_no_try(self, play):
        """The body breaks, the link has expired meanwhile, and the rest comes with a new one: one failure in total."""
        faults = [
            Fault.of("link_uses", data_set=VICTIM, uses=1),
            Fault.of("cut", data_set=VICTIM, after=1000, ending="close", first=1),
        ]
        played = await play(*faults, attempts=2)
        played.check_right()
        assert played.outcome().attempts == 2
        assert played.body_bytes() == played.outcome().bytes

    async def test_a_link_that_lives_is_used_again_by_the_next_try(self, play):
        played = await play(Fault.of("cut", data_set=VICTIM, after=1000, first=2))
        played.check_right()
        assert len(played.requests("download")) == 1


class TestRedirects:
    @pytest.mark.parametrize("kind", ["download", "storage"])
    async def test_a_circle_fails_at_once(self, play, kind):
        played = await play(redirected("loop", on=kind))
        played.check_honest(reason="redirects in a circle")
        assert len(played.requests(kind)) <= MAX_REDIRECTS

    async def test_one_that_ended_was_a_slip(self, play):
        (await play(redirected("loop", first=MAX_REDIRECTS - 3))).check_right()

    @pytest.mark.parametrize("to", ["unresolvable", "http"])
    async def test_a_host_that_does_not_exist_may_come_up_yet(self, play, to):
        (await play(redirected(to, first=2))).check_right()
        played = await play(redirected(to), attempts=3)
        played.check_honest(reason=r"Could not connect to storage\.")
        assert len(played.requests("download")) == played.outcome().attempts == 3

    async def test_a_port_where_nobody_listens(self, play):
        (await play(redirected("http://127.0.0.1:9/x.zip"))).check_honest(reason="Could not connect to 127.0.0.1")

    async def test_a_handshake_that_fails(self, play):
        (await play(redirected("tls", first=2))).check_right()
        (await play(redirected("tls"))).check_honest(reason="TLS handshake failed")

    async def test_a_certificate_that_nobody_vouches_for_fails_at_once(self, play, serve, certificate):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)

        async def never(request: web.Request) -> web.Response:
            raise AssertionError("nothing may be sent to it")

        played = await play(redirected(f"{await serve(never, context)}x.zip"))
        played.check_honest(reason="certificate of 127.0.0.1 is self-signed.*SSL_CERT_FILE")
        assert len(played.requests("download")) == 1

    @pytest.mark.parametrize("to", ["ftp://127.0.0.1/x.zip", "file:///etc/passwd", "https://u:p@127.0.0.1/"])
    async def test_what_is_no_web_address_is_not_followed(self, play, to):
        played = await play(redirected(to))
        played.check_honest(reason="not a usable URL|not https")
        assert len(played.requests("download")) == 1


class TestForeign:
    async def test_a_download_link_elsewhere_is_asked_without_the_bearer(self, play, serve):
        seen = []

        async def elsewhere(request: web.Request) -> web.Response:
            seen.append(request.headers)
            return web.Response(status=404)

        origin = str((await serve(elsewhere)).origin())
        played = await play(Fault.of("foreign_links", on="extracts", data_set=VICTIM, origin=origin))
        played.check_honest(reason="127.0.0.1 answered 404")
        assert seen
        assert not any("Authorization" in headers for headers in seen)
