"""The token endpoint: single use, scopes, and the errors of RFC 6749."""

from __future__ import annotations

import aiohttp
import pytest


async def test_a_refresh_token_buys_an_access_token_and_the_next_refresh_token(serve):
    caller = await serve(access_token_life=7200)
    answer = await caller.token(grant_type="refresh_token", refresh_token=caller.sandbox.new_refresh_token())
    assert answer.status == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 7200
    assert "datasets:bds:read" in answer.json["scope"].split()
    assert answer.headers["Cache-Control"] == "no-store"
    again = await caller.token(grant_type="refresh_token", refresh_token=answer.json["refresh_token"])
    assert again.status == 200


async def test_a_spent_refresh_token_is_an_invalid_grant(serve):
    caller = await serve()
    spent = caller.sandbox.new_refresh_token()
    assert caller.sandbox.is_live(spent)
    assert (await caller.token(grant_type="refresh_token", refresh_token=spent)).status == 200
    assert not caller.sandbox.is_live(spent)
    answer = await caller.token(grant_type="refresh_token", refresh_token=spent)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert caller.sandbox.counters.refused_exchanges == 1


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic ", "Basic !!!", "Bearer x", aiohttp.encode_basic_auth("sandbox-client-5f0e", "wrong")],
)
async def test_a_wrong_client_is_refused_and_the_token_stays_unspent(serve, authorization):
    caller = await serve()
    live = caller.sandbox.new_refresh_token()
    headers = {"Authorization": authorization} if authorization else {}
    answer = await caller.token(headers, grant_type="refresh_token", refresh_token=live)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert caller.sandbox.is_live(live)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
    ],
)
async def test_other_requests_get_the_error_that_names_them(serve, form, error):
    caller = await serve()
    answer = await caller.token(**form)
    assert (answer.status, answer.json["error"]) == (400, error)


async def test_the_body_must_be_a_form_without_repetitions(serve):
    caller = await serve()
    url = f"{caller.sandbox.auth_url}/core/connect/token"
    assert (await caller.call("POST", url, json={})).json["error"] == "invalid_request"
    twice = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")]
    assert (await caller.call("POST", url, data=twice)).json["error"] == "invalid_request"
    assert (await caller.call("GET", url)).status == 405


async def test_a_scope_can_be_narrowed_but_not_widened(serve):
    caller = await serve()
    live = caller.sandbox.new_refresh_token("datahub:dataexports:* datasets:bds:read")
    wider = await caller.token(grant_type="refresh_token", refresh_token=live, scope="users:userdata:read")
    assert wider.json["error"] == "invalid_scope"
    narrow = await caller.token(grant_type="refresh_token", refresh_token=live, scope="datahub:dataexports:read")
    assert narrow.json["scope"] == "datahub:dataexports:read"
    whole = await caller.token(grant_type="refresh_token", refresh_token=narrow.json["refresh_token"])
    assert set(whole.json["scope"].split()) == {"datahub:dataexports:*", "datasets:bds:read"}


async def test_withdrawn_consent_ends_refresh_tokens(serve):
    caller = await serve()
    live = caller.sandbox.new_refresh_token()
    caller.sandbox.revoke_refresh_tokens()
    assert (await caller.token(grant_type="refresh_token", refresh_token=live)).json["error"] == "invalid_grant"
