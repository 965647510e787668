"""The exchange after a consent: what is sent, what is stored when, and what a refusal says."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from bds_async.brightspace.auth import TokenRefresher
from bds_async.brightspace.login import Consent
from bds_async.brightspace.login.code_grant import CodeGrant, code_grant
from bds_async.brightspace.login.consent import challenge
from bds_async.brightspace.token_store import store_for
from bds_async.config import Config
from bds_async.errors import AuthorisationError, ConfigError, TransientError, UnreachableError
from bds_async.support import durable
from tests.support.scripted_auth import ScriptedAuth, drops, grants, says, waits_for

CODE = "hush-code"
REDIRECT = "https://localhost:8765/callback"


def consent_for(config: Config) -> Consent:
    return Consent.ask(config, REDIRECT, "datasets:bds:read")


def grant(config: Config) -> CodeGrant:
    return code_grant(config, consent_for(config), SecretStr(CODE))


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "token"


async def test_the_code_is_sent_as_rfc_6749_and_rfc_7636_say(home):
    async with ScriptedAuth(grants(refresh_token="first")) as auth:
        config = auth.config(token_file=home)
        consent = consent_for(config)
        await code_grant(config, consent, SecretStr(CODE)).exchange()
        verifier = consent.verifier.get_secret_value()
        assert auth.forms == [
            {"grant_type": "authorization_code", "code": CODE, "redirect_uri": REDIRECT, "code_verifier": verifier}
        ]
        assert auth.headers[0]["Authorization"].startswith("Basic ")
    assert challenge(verifier) in str(consent.page)


async def test_the_refresh_token_is_stored_before_the_access_token_is_handed_over(home):
    async with ScriptedAuth(grants("access", refresh_token="first")) as auth:
        token = await grant(auth.config(token_file=home)).exchange()
    assert token.value.get_secret_value() == "access"
    assert home.read_text() == "first\n"


async def test_it_wins_over_the_token_that_the_config_provides(home):
    """Otherwise the next run would send the token from before the consent."""
    async with ScriptedAuth(grants(refresh_token="first")) as auth:
        config = auth.config(token_file=home)
        await grant(config).exchange()
        async with store_for(config).custody() as custody:
            assert custody.read().get_secret_value() == "first"


async def test_later_exchanges_refresh(home):
    async with ScriptedAuth(grants(refresh_token="first"), grants(refresh_token="second")) as auth:
        signed_in = grant(auth.config(token_file=home))
        await signed_in.exchange()
        await signed_in.exchange()
        assert auth.forms[1] == {"grant_type": "refresh_token", "refresh_token": "first"}
    assert home.read_text() == "second\n"


async def test_an_unusable_access_token_does_not_lose_the_refresh_token(home):
    """The code is spent by then; the next try uses the refresh token that it returned."""
    async with ScriptedAuth(says(200, {"refresh_token": "first"}), grants(refresh_token="second")) as auth:
        async with TokenRefresher(grant(auth.config(token_file=home))) as tokens:
            await tokens.token()
        assert [form["grant_type"] for form in auth.forms] == ["authorization_code", "refresh_token"]


async def test_an_auth_service_that_is_busy_is_asked_again(home):
    async with ScriptedAuth(says(503, b""), grants(refresh_token="first")) as auth:
        async with TokenRefresher(grant(auth.config(token_file=home))) as tokens:
            await tokens.token()
        assert [form["code"] for form in auth.forms] == [CODE, CODE]


async def test_a_lost_answer_ends_in_a_refusal_that_says_to_log_in_again(home):
    script = [drops, says(400, {"error": "invalid_grant"})]
    async with ScriptedAuth(*script) as auth, TokenRefresher(grant(auth.config(token_file=home))) as tokens:
        with pytest.raises(AuthorisationError, match=r"invalid_grant.*has been used.*run `bds-async login` again"):
            await tokens.token()
    assert not home.exists()


async def test_a_service_that_never_answers_is_unreachable(home):
    async with ScriptedAuth(says(500, b"")) as auth:
        tokens = TokenRefresher(grant(auth.config(token_file=home)), first_patience=0)
        with pytest.raises(UnreachableError):
            await tokens.token()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "invalid_grant", "has expired, has been used"),
        (401, "invalid_client", "client_id and client_secret"),
        (400, "unauthorized_client", "Manage Extensibility"),
        (400, "unsupported_grant_type", "auth_service"),
        (400, "invalid_scope", "--scope"),
        (403, "access_denied", "permission"),
        (400, "invalid_request", "--redirect-uri"),
    ],
)
async def test_a_refused_code_says_which_it_was_and_what_to_do(home, status, code, words):
    async with ScriptedAuth(says(status, {"error": code, "error_description": CODE})) as auth:
        with pytest.raises(AuthorisationError, match=code) as caught:
            await grant(auth.config(token_file=home)).exchange()
    assert words in str(caught.value)
    assert CODE not in str(caught.value)
    assert not home.exists()


async def test_an_application_without_refresh_tokens_is_told_apart(home):
    async with ScriptedAuth(grants("access")) as auth:
        with pytest.raises(AuthorisationError, match="sent no refresh token; enable refresh tokens"):
            await grant(auth.config(token_file=home)).exchange()


async def test_a_wrong_auth_service_is_a_config_error(home):
    async with ScriptedAuth(says(404, b"<html>")) as auth:
        with pytest.raises(ConfigError, match="auth_service"):
            await grant(auth.config(token_file=home)).exchange()


async def test_a_home_that_can_no_longer_be_written_costs_no_code(home, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with ScriptedAuth(grants(refresh_token="first")) as auth:
        monkeypatch.setattr(durable, "write_atomically", full)
        with pytest.raises(ConfigError, match="no space left"):
            await grant(auth.config(token_file=home)).exchange()
        assert auth.forms == []


async def test_cancelling_after_the_code_was_sent_waits_until_the_token_is_stored(home):
    answered = asyncio.Event()
    async with ScriptedAuth(waits_for(answered, grants(refresh_token="first"))) as auth:
        task = asyncio.create_task(grant(auth.config(token_file=home)).exchange())
        await auth.asked.wait()
        task.cancel()
        answered.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert home.read_text() == "first\n"


async def test_a_config_without_a_secret_can_not_redeem(home):
    config = Config(bspace_url="https://school.example", client_id="x", token_file=home)
    with pytest.raises(ConfigError, match="client_secret"):
        grant(config)


async def test_no_secret_is_logged_or_shown(home, caplog):
    """Neither the code, nor the verifier, nor the tokens that they return."""
    async with ScriptedAuth(drops, says(400, {"error": "invalid_grant"})) as auth:
        config = auth.config(token_file=home)
        consent = consent_for(config)
        redeeming = code_grant(config, consent, SecretStr(CODE))
        with caplog.at_level(logging.DEBUG, "bds_async"):
            with pytest.raises(TransientError) as lost:
                await redeeming.exchange()
            with pytest.raises(AuthorisationError) as refused:
                await redeeming.exchange()
    shown = f"{caplog.text} {lost.value!r} {refused.value!r} {redeeming!r} {consent!r}"
    assert not [hush for hush in ("hush", consent.verifier.get_secret_value()) if hush in shown]
    assert json.dumps("hush-client") not in shown
