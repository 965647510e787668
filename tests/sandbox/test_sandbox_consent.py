"""The consent page and the codes that it issues."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bds_async.sandbox.auth.consent import is_acceptable

HOME = "http://127.0.0.1:8765/done"
VERIFIER = "a-verifier-that-is-long-enough-for-the-rules-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def asking(caller, **changes):
    asked = {
        "response_type": "code",
        "client_id": caller.sandbox.client_id,
        "redirect_uri": HOME,
        "scope": "datasets:bds:read",
        "state": "a<b&c",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in asked.items() if value is not None}


async def page_for(caller, **changes):
    return await caller.bare(f"{caller.sandbox.auth_url}/oauth2/auth?{urlencode(asking(caller, **changes))}")


async def decide(caller, decision="allow", **changes):
    form = {**asking(caller, **changes), "decision": decision}
    answer = await caller.call("POST", f"{caller.sandbox.auth_url}/oauth2/auth", data=form)
    location = answer.headers.get("Location", "")
    return answer, {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def redeem(caller, code, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": HOME,
        "code_verifier": VERIFIER,
        **changes,
    }
    return await caller.token(**{name: value for name, value in form.items() if value is not None})


async def test_the_page_asks_for_what_the_client_asked_and_its_form_leads_to_tokens(serve):
    caller = await serve()
    answer = await page_for(caller)
    page = answer.body.decode()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<li>datasets:bds:read</li>" in page
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
    assert fields["state"] == "a<b&c"
    url = f"{caller.sandbox.auth_url}/oauth2/auth"
    back = await caller.call("POST", url, data={**fields, "decision": "allow"})
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    assert query["state"] == ["a<b&c"]
    tokens = await redeem(caller, query["code"][0])
    assert (tokens.status, tokens.json["scope"]) == (200, "datasets:bds:read")
    assert caller.sandbox.is_live(tokens.json["refresh_token"])


async def test_denying_sends_the_browser_back_with_the_error(serve):
    answer, query = await decide(await serve(), "deny")
    assert (answer.status, query) == (302, {"error": "access_denied", "state": "a<b&c"})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "users:userdata:read"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_what_is_wrong_with_the_request_goes_back_to_the_client(serve, changes, error):
    caller = await serve()
    page = await page_for(caller, **changes)
    assert page.status == 302
    assert f"error={error}" in page.headers["Location"]
    _, query = await decide(caller, **changes)
    assert query["error"] == error


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"redirect_uri": "http://example.org/"}, {"redirect_uri": None}]
)
async def test_nothing_is_sent_to_an_address_that_is_not_acceptable(serve, changes):
    caller = await serve()
    assert (await page_for(caller, **changes)).status == 400
    answer, _ = await decide(caller, **changes)
    assert answer.status == 400


@pytest.mark.parametrize(
    ("address", "acceptable"),
    [
        ("https://localhost:8765/x", True),
        ("https://example.org/", True),
        ("http://127.0.0.1:1/", True),
        ("http://localhost/", True),
        ("http://127.0.0.1.example.org/", False),
        ("http://example.org/", False),
        ("https://example.org/#part", False),
        ("https://[bad/", False),
        ("urn:x", False),
        ("", False),
    ],
)
def test_redirect_addresses_are_https_or_on_loopback(address, acceptable):
    assert is_acceptable(address) is acceptable


async def test_a_code_is_good_for_one_use(serve):
    caller = await serve()
    _, query = await decide(caller)
    assert (await redeem(caller, query["code"])).status == 200
    assert (await redeem(caller, query["code"])).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": HOME + "/other"}, {"code_verifier": "wrong"}, {"code_verifier": None}]
)
async def test_a_code_that_is_redeemed_wrongly_is_lost(serve, changes):
    caller = await serve()
    _, query = await decide(caller)
    assert (await redeem(caller, query["code"], **changes)).json["error"] == "invalid_grant"
    assert (await redeem(caller, query["code"])).json["error"] == "invalid_grant"


async def test_a_code_dies_soon(serve):
    caller = await serve(authorization_code_life=0)
    _, query = await decide(caller)
    assert (await redeem(caller, query["code"])).json["error"] == "invalid_grant"
    assert (await caller.token(grant_type="authorization_code")).json["error"] == "invalid_request"


async def test_without_pkce_no_verifier_is_expected(serve):
    caller = await serve()
    _, query = await decide(caller, code_challenge=None, code_challenge_method=None, scope=None)
    answer = await redeem(caller, query["code"], code_verifier=None)
    assert set(answer.json["scope"].split()) == caller.sandbox.settings.scopes


async def test_redeeming_needs_the_clients_secret(serve):
    caller = await serve()
    _, query = await decide(caller)
    answer = await caller.token({}, grant_type="authorization_code", code=query["code"], redirect_uri=HOME)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
