"""The meaning of the answers of the token endpoint."""

import asyncio
import base64
import json
import math
from urllib.parse import unquote_plus

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import SecretStr
from yarl import URL

from bds_async.brightspace.auth import token_endpoint
from bds_async.brightspace.auth.access_token import ASSUMED_LIFETIME, LONGEST_LIFETIME
from bds_async.brightspace.auth.client import Convention, basic
from bds_async.brightspace.auth.token_endpoint import Exchange, TokenEndpoint, refresh_token_in
from bds_async.brightspace.http import Answer
from bds_async.config import AUTH_SERVICE
from bds_async.errors import ConfigError, ConnectionFailed, Throttled, TransientError, UnreachableError
from tests.support.scripted_auth import ScriptedAuth, drops, grants, says

ENDPOINT = TokenEndpoint(AUTH_SERVICE)
GRANTED = {"access_token": "hush-access", "token_type": "Bearer", "expires_in": 3600}


def answer(status: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(URL("https://auth.example"), status, CIMultiDictProxy(named), content)


def test_it_stands_at_the_auth_service():
    assert str(ENDPOINT.url) == "https://auth.brightspace.com/core/connect/token"


class TestRefusal:
    def test_a_200_is_none(self):
        assert ENDPOINT.refusal(answer(200, GRANTED)) is None

    @pytest.mark.parametrize("status", [400, 401, 403])
    @pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope"])
    def test_it_is_named_by_its_code(self, status, code):
        assert ENDPOINT.refusal(answer(status, {"error": code, "error_description": "hush"})) == code

    @pytest.mark.parametrize(
        "body",
        [{"error": "hush " * 3}, {"error": "Hush"}, {"error": "h" * 41}],
    )
    def test_what_is_no_code_is_never_quoted(self, body):
        assert ENDPOINT.refusal(answer(400, body)) == "status 400"

    @pytest.mark.parametrize("status", [204, 302, 307, 400, 401, 403, 418])
    @pytest.mark.parametrize("body", [b"<html>hush</html>", b"", [], {"message": "hush"}, {"error": 7}, b"[" * 100_000])
    def test_an_answer_without_an_oauth_error_is_an_outage(self, status, body):
        """A gateway, a firewall or a captive portal sent it; the token was not refused."""
        with pytest.raises(TransientError, match=f"answered {status} with .* in place of an OAuth answer") as caught:
            ENDPOINT.refusal(answer(status, body, Content_Type="text/html; charset=utf-8"))
        assert "hush" not in str(caught.value)

    def test_what_came_is_named(self):
        with pytest.raises(TransientError, match="answered 403 with a body of text/html in place of"):
            ENDPOINT.refusal(answer(403, b"<html>Request blocked</html>", Content_Type="text/html"))
        with pytest.raises(TransientError, match=r"answered 302 with a redirect to portal\.example in place of"):
            ENDPOINT.refusal(answer(302, b"", Location="http://portal.example/?hush"))

    @given(st.text(alphabet=st.characters(codec="latin-1", exclude_characters="\r\n\0")), st.sampled_from([302, 403]))
    def test_no_header_of_such_an_answer_reaches_a_message_unchecked(self, header, status):
        with pytest.raises(TransientError) as caught:
            ENDPOINT.refusal(answer(status, b"x", Content_Type=header, Location=header))
        assert str(caught.value).isprintable()

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
    def test_what_may_pass_is_transient(self, status):
        with pytest.raises(TransientError, match=f"auth.brightspace.com answered {status}"):
            ENDPOINT.refusal(answer(status, {"error": "invalid_grant"}))

    @pytest.mark.parametrize("code", ["server_error", "temporarily_unavailable"])
    def test_codes_of_a_passing_fault_are_transient_with_any_status(self, code):
        with pytest.raises(TransientError):
            ENDPOINT.refusal(answer(400, {"error": code}))

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_named_wait_is_kept(self, status):
        with pytest.raises(Throttled) as caught:
            ENDPOINT.refusal(answer(status, b"", Retry_After="17"))
        assert caught.value.seconds == 17

    @pytest.mark.parametrize("status", [404, 405, 410])
    def test_an_address_without_a_token_endpoint_is_an_error_of_the_config(self, status):
        with pytest.raises(ConfigError, match=r"no token endpoint.*check auth_service"):
            ENDPOINT.refusal(answer(status, b"<html>"))


class TestAccessToken:
    def test_it_lives_from_the_moment_at_which_it_was_asked_for(self):
        token = ENDPOINT.access_token(answer(200, {**GRANTED, "expires_in": 7200, "scope": "a b"}), sent_at=1000.0)
        assert (token.value, token.expires_at, token.lifetime, token.scope) == (
            *(SecretStr("hush-access"), 8200.0, 7200.0, "a b"),
        )

    @pytest.mark.parametrize(
        ("expires_in", "lifetime"),
        [(1, 1.0), (0.5, 0.5), ("7200", 7200.0), (10**9, LONGEST_LIFETIME), ("60.0", 60.0)],
    )
    def test_any_lifetime_that_makes_sense_is_taken(self, expires_in, lifetime):
        assert ENDPOINT.access_token(answer(200, {**GRANTED, "expires_in": expires_in}), 0.0).lifetime == lifetime

    @pytest.mark.parametrize("expires_in", [None, 0, -1, "", "soon", [], {}, "nan", "inf", -math.inf, 10**400])
    def test_nonsense_or_nothing_is_an_hour(self, expires_in):
        lifetime = ENDPOINT.access_token(answer(200, {**GRANTED, "expires_in": expires_in}), 0.0).lifetime
        assert lifetime == ASSUMED_LIFETIME

    @given(st.dictionaries(st.sampled_from(["expires_in", "scope", "x"]), st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4)))  # fmt: skip
    def test_nothing_beside_the_token_can_spoil_it(self, more):
        token = ENDPOINT.access_token(answer(200, {**GRANTED, **more}), 0.0)
        assert 0 < token.lifetime <= LONGEST_LIFETIME

    @pytest.mark.parametrize("token_type", ["bearer", "BEARER"])
    def test_the_type_is_told_apart_by_no_case(self, token_type):
        assert ENDPOINT.access_token(answer(200, {**GRANTED, "token_type": token_type}), 0.0).lifetime == 3600

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>hush</html>",
            b"",
            b"[" * 100_000,
            ["hush"],
            {},
            {"access_token": ""},
            {"access_token": "hush\r\nX: y"},
            {"access_token": "hush token"},
            {"access_token": 5},
            {**GRANTED, "token_type": "mac"},
        ],
    )
    def test_a_200_without_a_usable_token_is_transient_and_not_quoted(self, body):
        with pytest.raises(TransientError, match="without a usable access token") as caught:
            ENDPOINT.access_token(answer(200, body), 0.0)
        assert "hush" not in str(caught.value)
        assert caught.value.__context__ is None

    def test_its_repr_is_free_of_it(self):
        assert "hush" not in repr(ENDPOINT.access_token(answer(200, GRANTED), 0.0))


class TestRefreshToken:
    def test_it_is_found_whatever_else_is_wrong(self):
        assert refresh_token_in(answer(200, {"refresh_token": "next", "token_type": 7})) == SecretStr("next")

    @pytest.mark.parametrize("token", [None, "", " ", " x", "x\n", "a\nb", 7, ["x"]])
    def test_what_can_be_none_is_none(self, token):
        assert refresh_token_in(answer(200, {**GRANTED, "refresh_token": token})) is None

    @given(st.text(min_size=1), st.data())
    def test_of_a_part_of_an_answer_it_is_found_as_soon_as_it_is_whole(self, name, data):
        whole = json.dumps({name: "before", "refresh_token": 'ne"x\\t', "scope": "a b"}).encode()
        end = whole.index(b', "scope"')
        part = whole[: data.draw(st.integers(0, len(whole)))]
        wanted = SecretStr('ne"x\\t') if len(part) >= end else None
        assert refresh_token_in(answer(200, part)) == wanted

    @pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-32"])
    def test_both_tokens_are_found_in_any_coding_of_json(self, coding):
        coded = answer(200, json.dumps({**GRANTED, "refresh_token": "next"}).encode(coding))
        assert refresh_token_in(coded) == SecretStr("next")
        assert ENDPOINT.access_token(coded, 0.0).value == SecretStr("hush-access")

    @pytest.mark.parametrize("status", [200, 201])
    @pytest.mark.parametrize("more", [b"\0", b"\xe9", b"}", b"<!-- -->"])
    def test_it_is_found_in_what_is_no_json(self, more, status):
        body = json.dumps({**GRANTED, "refresh_token": "next"}).encode() + more
        assert refresh_token_in(answer(status, body)) == SecretStr("next")

    def test_it_is_found_behind_a_byte_order_mark(self):
        assert refresh_token_in(answer(200, b'\xef\xbb\xbf{"refresh_token": "next", "sco')) == SecretStr("next")

    def test_a_page_with_a_sample_of_an_answer_is_none(self):
        page = b'<html><pre>{"refresh_token": "of the sample"}</pre></html>'
        assert refresh_token_in(answer(200, page)) is None

    def test_only_a_granted_request_brings_one(self):
        assert refresh_token_in(answer(400, {"refresh_token": "next"})) is None


@given(st.text(), st.text())
def test_client_and_secret_are_form_encoded_before_basic(client_id, secret):
    kind, packed = basic(client_id, SecretStr(secret), Convention.ENCODED)["Authorization"].split()
    assert kind == "Basic"
    first, second = base64.b64decode(packed).decode().split(":")
    assert (unquote_plus(first), unquote_plus(second)) == (client_id, secret)


@given(st.text(), st.text())
def test_by_the_plain_convention_they_are_sent_as_they_are(client_id, secret):
    packed = basic(client_id, SecretStr(secret), Convention.PLAIN)["Authorization"].split()[1]
    assert base64.b64decode(packed).decode() == f"{client_id}:{secret}"


@pytest.mark.parametrize("convention", Convention)
def test_the_conventions_agree_on_an_ordinary_client_and_secret(convention):
    packed = basic("0a-b_c.d", SecretStr("S3-cret_x"), convention)["Authorization"].split()[1]
    assert base64.b64decode(packed) == b"0a-b_c.d:S3-cret_x"


class TestAsking:
    async def ask(self, auth: ScriptedAuth, url: str | None = None) -> Answer:
        return await TokenEndpoint(url or auth.url).ask({"grant_type": "x y&z"}, {"X-Mine": "1"}, Exchange())

    async def test_a_form_is_posted_and_the_answer_read_whole(self):
        async with ScriptedAuth(grants()) as auth:
            assert (await self.ask(auth)).status == 200
            assert auth.forms == [{"grant_type": "x y&z"}]
            assert auth.headers[0]["Content-Type"] == "application/x-www-form-urlencoded"
            assert auth.headers[0]["Accept"] == "application/json"
            assert auth.headers[0]["User-Agent"].startswith("bds-async/")
            assert auth.headers[0]["X-Mine"] == "1"

    async def test_a_lost_answer_is_transient(self):
        async with ScriptedAuth(drops) as auth:
            with pytest.raises(TransientError, match="broke off") as caught:
                await self.ask(auth)
            assert not isinstance(caught.value, ConnectionFailed)

    async def test_nobody_there_is_a_failed_connection(self):
        async with ScriptedAuth(grants()) as auth:
            with pytest.raises(ConnectionFailed):
                await self.ask(auth, url="http://127.0.0.1:1")

    async def test_an_answer_that_takes_for_ever_is_given_up(self, monkeypatch):
        async def trickles(request):
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.01)

        monkeypatch.setattr(token_endpoint, "TIMEOUT", 0.3)
        async with ScriptedAuth(trickles) as auth:
            with pytest.raises(TransientError, match="no whole answer"):
                await self.ask(auth)

    async def test_an_endless_answer_is_no_reason_to_try_again(self, monkeypatch):
        monkeypatch.setattr("bds_async.brightspace.http.reading.MAX_ANSWER", 10)
        async with ScriptedAuth(says(200, b"hush" * 10)) as auth:
            with pytest.raises(UnreachableError, match="more than 10 bytes"):
                await self.ask(auth)
