"""Authorised requests: where the bearer goes, which redirects are followed, what each status means."""

import asyncio
import json
import re
import ssl
import time
import urllib.parse
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from yarl import URL

from bds_async.brightspace.auth import AccessToken, TokenRefresher
from bds_async.brightspace.authorised import FRESH_TOKENS
from bds_async.brightspace.catalogue.catalogue import read_catalogue
from bds_async.brightspace.gate import Gate
from bds_async.brightspace.http import Transport
from bds_async.brightspace.links import origin_of, to_url
from bds_async.brightspace.retry import RETRY_AFTER_CEILING
from bds_async.brightspace.routes import VERSIONS
from bds_async.brightspace.tenant import MAX_REDIRECTS, Tenant
from bds_async.errors import (
    AuthorisationError,
    BdsError,
    CatalogueError,
    ConnectionFailed,
    ExtractError,
    RefusedRequest,
    Throttled,
    TransientError,
    Unauthorised,
    UnreachableError,
)
from bds_async.models import Extract
from bds_async.sandbox import Fault

SIGNED = "/a%2Fb/archive.zip?X-Expires=9&sig=hush%2Bhush+hush%3D&x=%C3%A9"
ZIP = {"Accept-Encoding": "identity"}


def away_from_network(url: str = "https://school.example") -> Tenant:
    """A tenant that gets no requests."""
    no_tokens: Any = None
    return Tenant(url, Transport(), no_tokens, Gate(lambda why, seconds: None))


class Site:
    """Answers as a test says, request by request, and records the requests."""

    def __init__(self, *answers: web.Response) -> None:
        self.answers, self.seen = list(answers), []

    async def __call__(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        chosen = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=chosen.status, body=chosen.body, headers=chosen.headers)

    @property
    def bearers(self) -> list[str | None]:
        return [request.headers.get("Authorization") for request in self.seen]


def says(status: int = 200, body: object = b"", **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.Response(status=status, body=data, headers=named)


def redirects(to: URL | str, status: int = 302) -> web.Response:
    return says(status, Location=str(to))


async def fetched(tenant: Tenant, url: URL) -> bytes:
    async with tenant.open(url, ZIP) as response:
        return await response.read()


async def fault(tenant: Tenant, url: URL) -> BdsError:
    """The error of opening a URL, which must contain no secret."""
    with pytest.raises(BdsError) as caught:
        await fetched(tenant, url)
    assert "hush" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    return caught.value


class TestOrigins:
    @pytest.mark.parametrize(
        "link",
        [
            "https://school.example/x?y",
            "https://school.example:443/x",
            "https://School.Example/x",
            "HTTPS://school.example/x",
            "http://school.example/x",
            "http://school.example:80/x",
            "/d2l/api/x",
            "?page=2",
        ],
    )
    def test_however_it_is_written_the_tenants_own_is_its_own(self, link):
        """Some gateways write links with http: such links are requested by https."""
        tenant = away_from_network()
        url = tenant.own(link, "The next page")
        assert tenant.is_own(url)
        assert url.scheme == "https"

    @pytest.mark.parametrize(
        "link",
        [
            "http://school.example:8080/x",
            "https://school.example:8443/x",
            "https://elsewhere.example/x",
            "https://school.example.elsewhere.example/x",
            "https://elsewhere.example/https://school.example/",
            "https://elsewhere.example#@school.example/",
            "//elsewhere.example/x",
            "https://school.example./x",
            "https://school.example%2f.elsewhere.example/x",
        ],
    )
    def test_whatever_is_elsewhere_is_foreign(self, link):
        tenant = away_from_network()
        with pytest.raises(CatalogueError, match=r"but the token is for https://school\.example"):
            tenant.own(link, "The next page")

    def test_a_foreign_link_in_a_listing_says_which_bspace_url_would_fit(self):
        """Schools have their own host name besides D2L's, and the API answers with one of the two."""
        with pytest.raises(
            CatalogueError, match=r"The next page leads to .* set bspace_url to https://d2l\.school\.ca"
        ):
            away_from_network().own("https://d2l.school.ca/d2l/api/lp/1.43/datasets/bds?sig=hush", "The next page")

    @pytest.mark.parametrize(
        "link",
        [
            "https://me:hush@school.example/x",
            "https://school.example@elsewhere.example/x",
            "https://[::1",
            "https://school.example:99999/x",
            "https://school.example:hush/x",
            "https://school.example\\@elsewhere.example/",
        ],
    )
    def test_what_is_no_usable_link_is_an_error_that_does_not_quote_it(self, link):
        tenant = away_from_network()
        with pytest.raises(ExtractError) as caught:
            tenant.own(link, "The next page")
        assert "hush" not in str(caught.value)

    @given(st.text() | st.builds("{}://{}:{}/{}".format, st.text(max_size=5), st.text(), st.integers(), st.text()))
    def test_no_text_comes_out_as_another_error_or_as_foreign_and_own_at_once(self, link):
        tenant = away_from_network()
        try:
            url = tenant.own(link, "The next page")
        except (ExtractError, CatalogueError):
            return
        assert (url.scheme, url.host, url.port) == ("https", "school.example", 443)

    @given(
        st.sampled_from(["http", "https", "ftp", ""]), st.from_regex(r"\A[a-zA-Z0-9.-]{1,12}\Z"), st.integers(1, 65535)
    )
    def test_an_origin_is_scheme_host_and_port_as_others_see_them(self, scheme, host, port):
        link = f"{scheme}:" * bool(scheme) + f"//{host}:{port}/x"
        found, expected = origin_of(URL(link, encoded=True)), urllib.parse.urlsplit(link)
        if found is not None:
            assert (found.scheme, found.host, found.port) == (expected.scheme, expected.hostname, expected.port)

    @given(
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).filter(lambda text: "#" not in text)
    )
    def test_a_signed_query_stays_as_it_was_written(self, query):
        assert to_url(f"https://storage.example/x?{query}").raw_query_string == query


class TestBearer:
    async def test_it_never_leaves_the_origin(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        truth, tenant = sandbox.catalogue()[0], await connect(sandbox)
        listed = await newest_full(tenant)
        assert await fetched(tenant, to_url(listed.download_link)) == truth.newest_full.read()
        assert [(seen.status, seen.authorised) for seen in sandbox.requests if seen.kind == "storage"] == [(200, False)]
        assert sandbox.counters.refused_bearers == 0

    async def test_nor_when_the_storage_leads_on_and_it_comes_back_at_home(self, serve, connect):
        home, away = Site(says(200)), Site(says(200))
        home_url, away_url = await serve(home), await serve(away)
        home.answers = [redirects(away_url / "1"), redirects("/own"), says(200, b"arrived")]
        away.answers = [redirects(away_url / "2"), redirects(home_url / "back")]
        assert await fetched(await connect(home_url), home_url / "start") == b"arrived"
        assert home.bearers == ["Bearer token-1"] * 3
        assert away.bearers == [None, None]

    async def test_another_port_of_the_same_machine_is_another_origin(self, serve, connect):
        home, away = Site(says()), Site(says(200, b"bytes"))
        tenant = await connect(await serve(home))
        assert await fetched(tenant, await serve(away) / "x") == b"bytes"
        assert away.bearers == [None]

    async def test_the_callers_headers_go_everywhere(self, serve, connect):
        away = Site(says(206, b"b", Content_Range="bytes 1-1/2"))
        home = Site(redirects(await serve(away) / "x"))
        url = await serve(home)
        tenant = await connect(url)
        async with tenant.open(url, {"Range": "bytes=1-1", "If-Range": '"a"'}) as response:
            assert (response.status, await response.read()) == (206, b"b")
        for request in (*home.seen, *away.seen):
            assert (request.headers["Range"], request.headers["If-Range"]) == ("bytes=1-1", '"a"')


async def newest_full(tenant: Tenant) -> Extract:
    """The newest full of the first data set."""
    catalogue = await read_catalogue(tenant, None)
    listed = [one for one in await catalogue.extracts(catalogue.data_sets[0]) if one.bds_type == "Full"]
    return max(listed, key=lambda one: one.age_key)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_each_kind_is_followed_with_the_signature_as_it_was_written(self, serve, connect, status):
        away = Site(says(200, b"bytes"))
        target = str(await serve(away)) + SIGNED.removeprefix("/")
        url = await serve(Site(redirects(target, status)))
        assert await fetched(await connect(url), url) == b"bytes"
        assert away.seen[0].raw_path == SIGNED

    async def test_the_answer_tells_where_it_came_from(self, serve, connect):
        target = str(await serve(Site(says(200)))) + SIGNED.removeprefix("/")
        url = await serve(Site(redirects(target)))
        tenant = await connect(url)
        async with tenant.open(url) as response:
            assert str(response.url) == target
            assert not tenant.is_own(response.url)

    async def test_a_circle_is_left(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        tenant = await connect(sandbox)
        listed = await newest_full(tenant)
        sandbox.play(Fault.of("redirect", on="download"))
        error = await fault(tenant, to_url(listed.download_link))
        assert type(error) is ExtractError
        assert "redirects in a circle" in str(error)
        assert sum(seen.kind == "download" for seen in sandbox.requests) == MAX_REDIRECTS

    async def test_to_nowhere_is_a_fault_that_may_pass(self, serve, connect):
        url = await serve(Site(says(302)))
        assert type(await fault(await connect(url), url)) is TransientError

    @pytest.mark.parametrize(
        "target", ["ftp://storage.example/hush", "file:///etc/hush", "http://[hush", "https://me:hush@storage.example/"]
    )
    async def test_to_what_is_not_of_the_web_is_not_followed(self, serve, connect, target):
        url = await serve(Site(redirects(target)))
        assert type(await fault(await connect(url), url)) is ExtractError

    async def test_a_host_that_can_not_be_reached_is_told_with_the_one_that_redirects_there(self, serve, connect):
        """Otherwise a reader would not know why the run contacts that host at all."""
        url = await serve(Site(redirects(f"http://127.0.0.2:9{SIGNED}")))
        error = await fault(await connect(url), url)
        assert type(error) is ConnectionFailed
        assert re.fullmatch(r"Could not connect to 127\.0\.0\.2:9: .+\. 127\.0\.0\.1 redirects there\.", str(error))

    async def test_a_link_to_a_host_that_can_not_be_reached_blames_nobody_else(self, serve, connect):
        error = await fault(await connect(await serve(Site(says(200)))), URL(f"http://127.0.0.2:9{SIGNED}"))
        assert "redirects" not in str(error)

    async def test_from_https_to_http_is_not_followed(self, tls, connect, serve):
        away = Site(says(200, b"bytes"))
        url = await serve(Site(redirects(await serve(away) / "x")), tls)
        error = await fault(await connect(url), url)
        assert "by http, not https" in str(error)
        assert away.seen == []

    async def test_a_link_without_a_host_is_one_of_the_tenant(self, serve, connect):
        site = Site(says(200, b"bytes"))
        tenant = await connect(await serve(site))
        async with tenant.open(to_url("/d2l/archive.zip")) as response:
            assert response.url.path == "/d2l/archive.zip"
        assert len(site.seen) == 1

    def test_a_signature_is_sent_as_it_was_written_whatever_else_stands_in_the_link(self):
        link = "https://storage.example/Prüfungen/a%2Fb+c.zip?sig=x%2By%3D"
        assert str(to_url(link)) == "https://storage.example/Pr%C3%BCfungen/a%2Fb+c.zip?sig=x%2By%3D"

    @pytest.mark.parametrize("link", ["http://storage.example/x?sig=hush", "//storage.example/x"])
    async def test_nor_is_such_a_link_in_a_listing(self, connect, link):
        assert isinstance(await fault(await connect("https://school.example"), to_url(link)), ExtractError)


@pytest.fixture
def tls(certificate, monkeypatch):
    """A server's context, whose certificate the client trusts in this test."""
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


class TestAccessToken:
    async def test_twenty_refusals_at_once_renew_it_once(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        tenant = await connect(sandbox)
        catalogue = await read_catalogue(tenant, None)
        assert sandbox.counters.exchanges == 1
        sandbox.revoke_access_tokens()
        await asyncio.gather(*(catalogue.extracts(catalogue.data_sets[0]) for _ in range(20)))
        assert sandbox.counters.exchanges == 2

    async def test_a_request_is_repeated_with_the_fresh_one(self, serve, connect):
        site = Site(says(401), says(401), says(200, b"bytes"))
        url = await serve(site)
        assert await fetched(await connect(url), url) == b"bytes"
        assert site.bearers == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]

    async def test_a_tenant_that_refuses_every_fresh_one_is_taken_at_its_word(self, serve, connect):
        site = Site(says(401))
        url = await serve(site)
        error = await fault(await connect(url), url)
        assert isinstance(error, AuthorisationError)
        assert "run `bds-async login` again" in str(error)
        assert len(site.seen) == FRESH_TOKENS + 1

    async def test_a_refusal_of_one_request_alone_is_its_own_fault(self, serve, connect):
        """The token renewed after the first refusal counts as valid, since one was accepted before."""

        async def partly(request: web.Request) -> web.Response:
            asked.append((request.path, request.headers["Authorization"]))
            return says(401) if request.path == "/refused" else says(200, {})

        asked: list[tuple[str, str]] = []
        url = await serve(partly)
        tenant = await connect(url)
        await tenant.json(url / "good")
        for _ in range(2):
            error = await fault(tenant, url / "refused")
            assert isinstance(error, Unauthorised)
            assert "/refused answered 401" in str(error)
        assert {bearer for _, bearer in asked} == {"Bearer token-1", "Bearer token-2"}

    async def test_an_outage_while_that_is_found_out_is_waited_out(self, serve, connect, monkeypatch):
        async def partly(request: web.Request) -> web.Response:
            return says(401) if request.path == "/refused" else says(200, {})

        def fails_once(self: Transport, method: str, url: URL, **more: Any):
            if url.path == "/good" and failures:
                raise failures.pop()
            return opened(self, method, url, **more)

        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda failures: 0.0)
        url, opened, failures = await serve(partly), Transport.open, []
        tenant = await connect(url)
        await tenant.json(url / "good")
        monkeypatch.setattr(Transport, "open", fails_once)
        failures.append(ConnectionFailed("gone."))
        assert isinstance(await fault(tenant, url / "refused"), Unauthorised)
        assert failures == []

    async def test_a_route_that_needs_no_token_does_not_speak_for_it(self, serve, connect):
        async def open_route_alone(request: web.Request) -> web.Response:
            return says(200, []) if request.path == VERSIONS else says(401)

        url = await serve(open_route_alone)
        tenant = await connect(url)
        await tenant.json(url.with_path(VERSIONS))
        assert isinstance(await fault(tenant, url / "refused"), AuthorisationError)

    async def test_a_renewed_token_that_dies_too_is_renewed_once_for_64_requests(self, start_sandbox, connect):
        sandbox = await start_sandbox()
        tenant = await connect(sandbox)
        catalogue = await read_catalogue(tenant, None)
        for exchanges in (2, 3):
            sandbox.revoke_access_tokens()
            await asyncio.gather(*(catalogue.extracts(catalogue.data_sets[0]) for _ in range(64)))
            assert sandbox.counters.exchanges == exchanges

    async def test_a_401_of_somebody_else_says_nothing_about_it(self, serve, connect):
        away = Site(says(401))
        tenant = await connect(await serve(Site(says())))
        error = await fault(tenant, (await serve(away)).with_query("sig=hush"))
        assert isinstance(error, RefusedRequest)
        assert len(away.seen) == 1

    async def test_an_auth_service_that_is_away_for_too_long_ends_all_requests(self, serve, connect):
        class Away:
            granted = 0

            async def exchange(self, connect_within: float = 30.0) -> AccessToken:
                raise UnreachableError("auth.example is away")

        async with TokenRefresher(Away()) as tokens:
            url = await serve(Site(says()))
            tenant = await connect(url, tokens=tokens)
            ended = await asyncio.gather(*(fetched(tenant, url) for _ in range(8)), return_exceptions=True)
        assert {(type(error), str(error)) for error in ended} == {(UnreachableError, "auth.example is away")}

    async def test_so_does_one_that_goes_away_between_two_tokens(self, serve, connect):
        class FirstOnly:
            def __init__(self) -> None:
                self.granted = 0

            async def exchange(self, connect_within: float = 30.0) -> AccessToken:
                if self.granted:
                    raise UnreachableError("auth.example is away")
                self.granted = 1
                return AccessToken(SecretStr("token-1"), time.monotonic() + 3600, 3600)

        async with TokenRefresher(FirstOnly()) as tokens:
            url = await serve(Site(says(401)))
            tenant = await connect(url, tokens=tokens)
            ended = await asyncio.gather(*(fetched(tenant, url) for _ in range(8)), return_exceptions=True)
        assert {(type(error), str(error)) for error in ended} == {(UnreachableError, "auth.example is away")}


class TestStatuses:
    @pytest.mark.parametrize("status", [200, 206, 416])
    async def test_these_are_answers(self, serve, connect, status):
        url = await serve(Site(says(status, b"bytes")))
        assert await fetched(await connect(url), url) == b"bytes"

    @pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
    async def test_these_may_pass(self, serve, connect, status):
        url = await serve(Site(says(status, b"hush")))
        assert type(await fault(await connect(url), url)) is TransientError

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 304, 501])
    async def test_these_stay_and_say_who_refused(self, serve, connect, status):
        url = await serve(Site(says(status)))
        error = await fault(await connect(url), url / "x")
        assert isinstance(error, RefusedRequest)
        assert (error.origin, error.status, str(error)) == (str(url.origin()), status, f"/x answered {status}.")

    @pytest.mark.parametrize("status", [403, 429, 503])
    async def test_these_may_ask_to_wait(self, serve, connect, status):
        url = await serve(Site(says(status, Retry_After="7")))
        error = await fault(await connect(url), url)
        assert isinstance(error, Throttled)
        assert error.seconds == 7

    async def test_a_429_that_does_not_say_how_long_is_a_wait_all_the_same(self, serve, connect):
        url = await serve(Site(says(429)))
        error = await fault(await connect(url), url)
        assert isinstance(error, Throttled)
        assert 0 < error.seconds < RETRY_AFTER_CEILING

    @pytest.mark.parametrize(("status", "waits"), [(429, 1), (403, 1), (503, 0)])
    async def test_the_tenants_own_wait_holds_the_gate_a_servers_hiccup_does_not(self, serve, connect, status, waits):
        gate = Gate(lambda why, seconds: None)
        url = await serve(Site(says(status, Retry_After="7")))
        await fault(await connect(url, gate=gate), url)
        assert gate.waits == waits

    @pytest.mark.parametrize("status", [429, 403, 503])
    async def test_a_wait_of_the_storage_holds_nobody_else(self, serve, connect, status):
        gate = Gate(lambda why, seconds: None)
        tenant = await connect(await serve(Site(says(200, b"own"))), gate=gate)
        storage = await serve(Site(says(status, Retry_After="7")))
        assert isinstance(await fault(tenant, storage), Throttled)
        assert gate.waits == 0
        assert await fetched(tenant, tenant.origin) == b"own"

    @pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
    async def test_no_error_of_a_signed_link_tells_the_signature(self, serve, connect, status):
        target = str(await serve(Site(says(status, b"<Error>hush</Error>", Retry_After="1")))) + SIGNED.removeprefix(
            "/"
        )
        url = await serve(Site(redirects(target)))
        error = await fault(await connect(url), url)
        assert str(error).startswith(f"127.0.0.1 answered {status}")


class TestJson:
    async def test_it_is_the_document(self, serve, connect):
        url = await serve(Site(says(200, {"Objects": [], "Next": None})))
        assert await (await connect(url)).json(url) == {"Objects": [], "Next": None}

    async def test_a_byte_order_mark_does_not_matter(self, serve, connect):
        url = await serve(Site(says(200, b"\xef\xbb\xbf[]")))
        assert await (await connect(url)).json(url) == []

    @pytest.mark.parametrize(
        "passing", [says(503), says(200, b"<html>Log in</html>"), says(200, b'{"Objects": ['), says(302), says(204)]
    )
    async def test_what_may_pass_is_tried_again(self, serve, connect, passing, quick_retries):
        site = Site(passing, passing, says(200, [1]))
        url = await serve(site)
        assert await (await connect(url, attempts=3)).json(url) == [1]

    async def test_not_more_often_than_it_was_told(self, serve, connect, quick_retries):
        site = Site(says(500))
        url = await serve(site)
        with pytest.raises(TransientError, match="/x answered 500"):
            await (await connect(url, attempts=4)).json(url / "x")
        assert len(site.seen) == 4

    async def test_what_stays_is_not_tried_again(self, serve, connect):
        site = Site(says(404))
        url = await serve(site)
        with pytest.raises(RefusedRequest):
            await (await connect(url, attempts=4)).json(url)
        assert len(site.seen) == 1

    async def test_a_wait_is_waited_and_nothing_is_lost(self, serve, connect, quick_retries):
        url = await serve(Site(says(429, Retry_After="0"), says(403, Retry_After="0"), says(200, [1])))
        assert await (await connect(url, attempts=1)).json(url) == [1]

    @pytest.mark.parametrize(
        ("body", "kind"),
        [(b"\n <!DOCTYPE html>hush", "an HTML page"), (b"hush", "something else"), (b"[" * 10**5, "else")],
    )
    async def test_what_is_no_json_says_what_it_is(self, serve, connect, body, kind):
        url = await serve(Site(says(200, body)))
        with pytest.raises(TransientError, match=f"/x answered .*{kind} in place of JSON") as caught:
            await (await connect(url)).json(url / "x" % {"sig": "hush"})
        assert "hush" not in str(caught.value)
