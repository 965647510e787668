"""Service users: a signed assertion instead of secret and refresh token."""

from __future__ import annotations

import sys
import time
import uuid
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bds_async.sandbox import Sandbox, SandboxSettings
from bds_async.sandbox.auth.assertions import KIND


@cache
def key_pair(name):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


async def registered(serve, **settings):
    caller = await serve(**settings)
    caller.sandbox.register_key(key_pair("good")[1], "key-1")
    return caller


def assertion_for(caller, *, signer="good", kid="key-1", algorithm="RS256", **changes):
    sandbox = caller.sandbox
    claims = {
        "iss": sandbox.client_id,
        "sub": sandbox.client_id,
        "aud": f"{sandbox.auth_url}/core/connect/token",
        "jti": uuid.uuid4().hex,
        "exp": int(time.time()) + 60,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    key = key_pair(signer)[0] if algorithm == "RS256" else "x" * 32
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})


async def present(caller, assertion, **changes):
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": KIND,
        "client_assertion": assertion,
        **changes,
    }
    return await caller.token({}, **form)


async def test_a_good_assertion_buys_an_access_token_and_nothing_that_rotates(serve):
    caller = await registered(serve)
    answer = await present(caller, assertion_for(caller), scope="datasets:bds:read")
    assert answer.status == 200
    assert "refresh_token" not in answer.json
    assert answer.json["scope"] == "datasets:bds:read"
    caller.bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert (await caller.get("/datasets/bds")).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"sub": "other"},
        {"aud": "https://elsewhere.example/core/connect/token"},
        {"exp": 1},
        {"exp": 10**11},
        {"jti": None},
        {"exp": None},
        {"kid": "key-2"},
        {"signer": "other"},
        {"algorithm": "HS256"},
    ],
    ids=str,
)
async def test_an_assertion_that_is_wrong_in_any_way_is_refused(serve, changes):
    caller = await registered(serve)
    answer = await present(caller, assertion_for(caller, **changes))
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_an_assertion_is_good_for_one_use(serve):
    caller = await registered(serve)
    assertion = assertion_for(caller)
    assert (await present(caller, assertion)).status == 200
    assert (await present(caller, assertion)).json["error"] == "invalid_client"


async def test_other_kinds_scopes_and_nonsense_are_refused(serve):
    caller = await registered(serve)
    kind = await present(caller, assertion_for(caller), client_assertion_type="saml")
    assert kind.json["error"] == "invalid_client"
    assert (await present(caller, "nonsense")).json["error"] == "invalid_client"
    assert (await present(caller, assertion_for(caller), scope="users:userdata:read")).json["error"] == "invalid_scope"


async def test_without_a_registered_key_no_assertion_is_good(serve):
    caller = await serve()
    assert (await present(caller, assertion_for(caller))).json["error"] == "invalid_client"


async def test_what_is_no_key_is_refused(serve):
    caller = await serve()
    with pytest.raises(ValueError, match="key-1 is not a public RSA key"):
        caller.sandbox.register_key(b"nonsense", "key-1")


async def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jwt.algorithms", None)
    sandbox = Sandbox(SandboxSettings(data_sets=1))
    with pytest.raises(RuntimeError, match="service-user"):
        sandbox.register_key(b"", "key-1")
    await sandbox.stop()
