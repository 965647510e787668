"""The refresh token's exchange: what is sent, what is stored when, and what a refusal says."""

import asyncio
import base64
import contextlib
import json
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from aiohttp import web

from bds_async.brightspace.auth import grant_for
from bds_async.brightspace.auth.service_user import ClientAssertionGrant
from bds_async.brightspace.token_store import store_for
from bds_async.config import Config
from bds_async.errors import AuthorisationError, ConfigError, ConnectionFailed, Throttled, TransientError
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.support import durable, uninterrupted
from tests.support.scripted_auth import ScriptedAuth, breaks_off, drops, grants, says, waits_for


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=0)) as running:
        yield running


@pytest.fixture
def config_file(sandbox, tmp_path):
    path = tmp_path / "config.json"
    sandbox.write_config(path)
    return path


def stored(config_file: Path) -> str:
    return json.loads(config_file.read_text())["refresh_token"]


def rewritten(config_file: Path, **keys: object) -> Config:
    config_file.write_text(json.dumps({**json.loads(config_file.read_text()), **keys}))
    return Config.load(config_file, {})


class TestExchange:
    async def test_each_one_spends_the_stored_token_and_stores_the_next(self, sandbox, config_file):
        grant, seen = grant_for(Config.load(config_file, {})), []
        for _ in range(3):
            seen.append(stored(config_file))
            token = await grant.exchange()
            assert token.lifetime == sandbox.settings.access_token_life
        assert len(set(seen)) == 3
        assert not any(map(sandbox.is_live, seen))
        assert sandbox.is_live(stored(config_file))
        assert sandbox.counters.exchanges == 3

    async def test_the_next_token_is_durable_before_the_access_token_is_used(self, sandbox, config_file, monkeypatch):
        """The grant returns nothing from an answer before the folder's fsync after the rename."""
        events = []
        for name in ("fsync_folder", "write_atomically"):
            real = getattr(durable, name)
            monkeypatch.setattr(durable, name, lambda *args, real=real, name=name: (real(*args), events.append(name)))
        first = stored(config_file)
        await grant_for(Config.load(config_file, {})).exchange()
        assert events[-2:] == ["fsync_folder", "write_atomically"]
        assert stored(config_file) != first

    async def test_scope_is_sent_only_if_the_config_has_one(self, sandbox, config_file):
        everything = await grant_for(Config.load(config_file, {})).exchange()
        part = await grant_for(rewritten(config_file, scope="datasets:bds:read")).exchange()
        assert everything.scope == " ".join(sorted(sandbox.settings.scopes))
        assert part.scope == "datasets:bds:read"

    async def test_special_characters_in_the_secret_arrive(self, sandbox, config_file):
        """The sandbox decodes what the client must encode by RFC 6749 section 2.3.1."""
        sandbox._tenant.client_secret = "a:b c%2B+ü/€"
        await grant_for(rewritten(config_file, client_secret=sandbox.client_secret)).exchange()
        assert sandbox.counters.exchanges == 1

    async def test_an_answer_without_a_new_token_keeps_the_old_one(self, tmp_path):
        async with ScriptedAuth(grants()) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            await grant.exchange()
            await grant.exchange()
            assert [form["refresh_token"] for form in auth.forms] == ["hush-first", "hush-first"]
        assert not (tmp_path / "token.exchange").exists()

    async def test_a_new_token_is_kept_whatever_else_the_answer_holds(self, tmp_path):
        async with ScriptedAuth(says(200, {"refresh_token": "next", "access_token": 7}), grants()) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            with pytest.raises(TransientError, match="usable access token"):
                await grant.exchange()
            await grant.exchange()
            assert [form["refresh_token"] for form in auth.forms] == ["hush-first", "next"]

    async def test_without_a_client_secret_there_is_no_grant(self, tmp_path):
        config = Config(bspace_url="https://school.example", client_id="x", token_file=tmp_path / "token")
        with pytest.raises(ConfigError, match="client_secret is missing"):
            grant_for(config)

    def test_a_private_key_makes_a_service_user(self, tmp_path):
        config = Config(
            bspace_url="https://school.example", client_id="x", private_key_file=tmp_path / "key.pem", key_id="k"
        )
        assert isinstance(grant_for(config), ClientAssertionGrant)


def accepts(secret: str, convention: str):
    """A token endpoint that compares the header with one convention, and rotates the token if it is right."""

    async def reply(request: web.Request) -> web.StreamResponse:
        pair = f"id:{quote_plus(secret) if convention == 'form-encoded' else secret}"
        if request.headers["Authorization"] != f"Basic {base64.b64encode(pair.encode()).decode()}":
            return await says(401, {"error": "invalid_client"})(request)
        return await grants(refresh_token="next")(request)

    return reply


class TestConventions:
    SECRET = "aB3+x9Q/zz=="

    @pytest.mark.parametrize("convention", ["form-encoded", "plain"])
    async def test_a_secret_with_special_characters_is_accepted_by_either_convention(
        self, tmp_path, convention, caplog
    ):
        caplog.set_level(logging.DEBUG, "bds_async")
        async with ScriptedAuth(accepts(self.SECRET, convention)) as auth:
            config = auth.config(client_secret=self.SECRET, token_file=tmp_path / "token")
            await grant_for(config).exchange()
            tries = len(auth.forms)
            await grant_for(config).exchange()
            assert len(auth.forms) == tries + 1, "the right one is remembered"
        assert (tmp_path / "token").read_text() == "next\n"
        assert not (tmp_path / "token.exchange").exists()
        assert caplog.messages == []

    async def test_what_is_remembered_can_become_wrong(self, tmp_path):
        for convention in ("plain", "form-encoded", "plain"):
            async with ScriptedAuth(accepts(self.SECRET, convention)) as auth:
                config = auth.config(client_secret=self.SECRET, token_file=tmp_path / "token")
                await grant_for(config).exchange()

    async def test_a_wrong_secret_is_refused_by_both_and_named_once(self, tmp_path):
        async with ScriptedAuth(accepts("another", "plain")) as auth:
            config = auth.config(client_secret=self.SECRET, token_file=tmp_path / "token")
            with pytest.raises(AuthorisationError, match=r"\(invalid_client\): client_id and client_secret"):
                await grant_for(config).exchange()
            assert len(auth.forms) == 2
        assert not (tmp_path / "token.basic").exists()

    async def test_where_they_do_not_differ_one_request_is_made(self, tmp_path):
        async with ScriptedAuth(says(401, {"error": "invalid_client"})) as auth:
            with pytest.raises(AuthorisationError):
                await grant_for(auth.config(token_file=tmp_path / "token")).exchange()
            assert len(auth.forms) == 1


class TestProveThenSpend:
    async def test_a_home_that_can_not_be_written_costs_no_token(self, sandbox, config_file):
        config_file.chmod(0o400)
        with pytest.raises(ConfigError, match="No token was spent"):
            await grant_for(Config.load(config_file, {})).exchange()
        assert not sandbox.requests
        assert sandbox.is_live(stored(config_file))

    async def test_the_lock_is_free_after_a_failure(self, sandbox, config_file):
        grant = grant_for(Config.load(config_file, {}))
        config_file.chmod(0o400)
        with pytest.raises(ConfigError):
            await grant.exchange()
        config_file.chmod(0o600)
        await grant.exchange()


class TestRefused:
    async def test_a_spent_token_names_login(self, sandbox, config_file):
        sandbox.revoke_refresh_tokens()
        with pytest.raises(AuthorisationError, match=r"\(invalid_grant\): .*expired.*run `bds-async login` again"):
            await grant_for(Config.load(config_file, {})).exchange()

    async def test_a_wrong_secret_is_named_and_spends_nothing(self, sandbox, config_file):
        config = rewritten(config_file, client_secret="hush-wrong")
        with pytest.raises(AuthorisationError, match=r"\(invalid_client\): client_id and client_secret") as caught:
            await grant_for(config).exchange()
        assert "hush" not in str(caught.value)
        assert sandbox.is_live(stored(config_file))

    async def test_a_scope_that_was_not_consented_to_is_named_and_spends_nothing(self, sandbox, config_file):
        with pytest.raises(AuthorisationError, match=r"\(invalid_scope\): the scope asks for more"):
            await grant_for(rewritten(config_file, scope="users:own_profile:read")).exchange()
        assert sandbox.is_live(stored(config_file))

    @pytest.mark.parametrize(
        ("reply", "text"),
        [
            (says(400, {"error": "unauthorized_client"}), "unauthorized_client.*Manage Extensibility"),
            (says(400, {"error": "unsupported_grant_type"}), "unsupported_grant_type.*check auth_service"),
            (says(403, {"error": "access_denied"}), "access_denied.*permission"),
            (says(400, {"error": "brand_new"}), "brand_new.*check client_id, client_secret and scope"),
            (says(403, {"error": "<hush>"}), "status 403.*check client_id"),
        ],
    )
    async def test_every_refusal_says_which_it_was_and_what_to_do(self, tmp_path, reply, text):
        async with ScriptedAuth(reply) as auth:
            with pytest.raises(AuthorisationError, match=text) as caught:
                await grant_for(auth.config(token_file=tmp_path / "token")).exchange()
        assert "hush" not in str(caught.value)
        assert not (tmp_path / "token.exchange").exists()

    async def test_a_page_in_place_of_an_answer_spends_nothing_and_is_tried_again(self, tmp_path):
        """A firewall that sometimes blocks a request must not send a person to the login."""
        pages = [says(403, b"<html>Request blocked</html>"), says(302, b"", Location="http://portal.example/")]
        async with ScriptedAuth(*pages, grants("access", refresh_token="next")) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            for _ in pages:
                with pytest.raises(TransientError, match="in place of an OAuth answer"):
                    await grant.exchange()
            assert (await grant.exchange()).value.get_secret_value() == "access"
        assert (tmp_path / "token").read_text() == "next\n"

    async def test_a_wrong_auth_service_is_an_error_of_the_config(self, sandbox, config_file):
        with pytest.raises(ConfigError, match="check auth_service"):
            await grant_for(rewritten(config_file, auth_service=sandbox.tenant_url)).exchange()


LOST = (
    r"\(invalid_grant\)\. It had been sent at 20.* UTC and the answer was lost.*next refresh token.*"
    r"Run `bds-async login`\."
)


async def exchange_during(edit: Callable[[], object], config: Callable[[ScriptedAuth], Config]) -> ScriptedAuth:
    """Make an exchange that brings the token `next`, and `edit` a file while its answer is awaited."""
    go_on = asyncio.Event()
    async with ScriptedAuth(waits_for(go_on, grants(refresh_token="next"))) as auth:
        exchange = asyncio.create_task(grant_for(config(auth)).exchange())
        await auth.asked.wait()
        edit()
        go_on.set()
        await exchange
        return auth


class TestEditedMeanwhile:
    """A person edits the token's file while an exchange is under way."""

    @pytest.mark.parametrize(
        ("edit", "wanted"),
        [
            ({"mine": 2}, {"mine": 2, "refresh_token": "next"}),
            ({"refresh_token": "of a new login"}, {"refresh_token": "of a new login"}),
            ({"refresh_token": None}, {"refresh_token": "next"}),
        ],
    )
    async def test_what_the_person_wrote_to_the_config_is_kept(self, config_file, edit, wanted):
        before: dict[str, object] = {}

        def edited() -> None:
            before.update(json.loads(config_file.read_text()))
            config_file.write_text(json.dumps(before | edit))

        await exchange_during(edited, lambda auth: rewritten(config_file, auth_service=auth.url))
        assert json.loads(config_file.read_text()) == before | wanted

    @pytest.mark.parametrize("damage", ["", "{", "[]"])
    async def test_a_file_that_is_damaged_by_then_is_replaced_for_the_token_must_not_be_lost(self, config_file, damage):
        before: dict[str, object] = {}

        def damaged() -> None:
            before.update(json.loads(config_file.read_text()))
            config_file.write_text(damage)

        await exchange_during(damaged, lambda auth: rewritten(config_file, auth_service=auth.url))
        assert json.loads(config_file.read_text()) == before | {"refresh_token": "next"}

    async def test_a_token_file_that_got_another_token_keeps_it_and_the_provided_one_stays_spent(self, tmp_path):
        file = tmp_path / "token"
        file.write_text("former")
        first = await exchange_during(
            lambda: file.write_text("of a new login"), lambda auth: auth.config(token_file=file)
        )
        second = await exchange_during(lambda: None, lambda auth: auth.config(token_file=file))
        forms = [*first.forms, *second.forms]
        assert [form["refresh_token"] for form in forms] == ["hush-first", "of a new login"]


class TestLostAnswer:
    async def test_a_token_that_was_spent_with_its_answer_is_reported_as_what_it_is(self, sandbox, config_file, caplog):
        sandbox.play(Fault.of("lost", on="token", first=1))
        grant = grant_for(Config.load(config_file, {}))
        with pytest.raises(TransientError, match="broke off"):
            await grant.exchange()
        assert "was sent and may be spent" in caplog.text
        assert not sandbox.is_live(stored(config_file))
        for _ in range(2):
            with pytest.raises(AuthorisationError, match=LOST):
                await grant_for(Config.load(config_file, {})).exchange()

    async def test_a_connection_that_broke_before_the_token_was_spent_goes_on(self, sandbox, config_file):
        sandbox.play(Fault.of("reset", on="token", first=1))
        grant = grant_for(Config.load(config_file, {}))
        with pytest.raises(TransientError):
            await grant.exchange()
        await grant.exchange()
        assert (sandbox.counters.exchanges, sandbox.counters.refused_exchanges) == (1, 0)

    @pytest.mark.parametrize("lost", [drops, says(502, b"bad gateway"), says(200, b"<html>portal</html>")])
    async def test_the_refusal_that_follows_says_what_may_have_happened(self, tmp_path, caplog, lost):
        async with ScriptedAuth(lost, says(400, {"error": "invalid_grant"})) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            with pytest.raises(TransientError):
                await grant.exchange()
            assert "was sent and may be spent" in caplog.text
            with pytest.raises(AuthorisationError, match=LOST):
                await grant.exchange()
        assert "hush" not in caplog.text

    @pytest.mark.parametrize("promised", [None, 1000], ids=["chunked", "too short"])
    @pytest.mark.parametrize(
        "body", [b'{"refresh_token": "next", "access_token": "a"}', b'{"refresh_token":"next","acc']
    )
    async def test_a_token_that_arrived_in_a_broken_answer_is_kept_and_sent_next(
        self, tmp_path, body, promised, caplog
    ):
        script = breaks_off(body, promised=promised), grants(refresh_token="third")
        async with ScriptedAuth(*script) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            with pytest.raises(TransientError, match="broke off"):
                await grant.exchange()
            assert (tmp_path / "token").read_text().strip() == "next"
            await grant.exchange()
        assert [form["refresh_token"] for form in auth.forms] == ["hush-first", "next"]
        assert {headers["Accept-Encoding"] for headers in auth.headers} == {"identity"}
        assert not caplog.records

    async def test_another_process_and_a_later_run_say_so_too(self, tmp_path):
        async with ScriptedAuth(drops, says(400, {"error": "invalid_grant"})) as auth:
            with pytest.raises(TransientError):
                await grant_for(auth.config(token_file=tmp_path / "token")).exchange()
            for _ in range(2):
                with pytest.raises(AuthorisationError, match=LOST):
                    await grant_for(auth.config(token_file=tmp_path / "token")).exchange()

    async def test_a_token_that_was_not_spent_after_all_goes_on(self, tmp_path):
        async with ScriptedAuth(drops, grants(refresh_token="next"), says(400, {"error": "invalid_grant"})) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            with pytest.raises(TransientError):
                await grant.exchange()
            await grant.exchange()
            with pytest.raises(AuthorisationError, match=r"invalid_grant\): it has been used elsewhere"):
                await grant.exchange()

    @pytest.mark.parametrize("unspent", [says(429, b"", Retry_After="1"), says(400, {"error": "invalid_client"})])
    async def test_a_request_that_was_turned_away_leaves_no_doubt(self, tmp_path, unspent, caplog):
        async with ScriptedAuth(unspent, says(400, {"error": "invalid_grant"})) as auth:
            grant = grant_for(auth.config(token_file=tmp_path / "token"))
            with pytest.raises((Throttled, AuthorisationError)):
                await grant.exchange()
            with pytest.raises(AuthorisationError, match="used elsewhere"):
                await grant.exchange()
        assert not caplog.records

    async def test_a_request_that_was_never_sent_leaves_no_doubt(self, tmp_path, caplog):
        async with ScriptedAuth(grants()) as auth:
            config = auth.config(token_file=tmp_path / "token", auth_service="http://127.0.0.1:1")
            with pytest.raises(ConnectionFailed):
                await grant_for(config).exchange()
        assert not (tmp_path / "token.exchange").exists()
        assert not caplog.records


class TestCancelled:
    async def test_an_exchange_that_was_sent_is_stored_before_the_cancellation_goes_on(self, tmp_path):
        may_answer = asyncio.Event()
        async with ScriptedAuth(waits_for(may_answer, grants(refresh_token="next"))) as auth:
            exchange = asyncio.create_task(grant_for(auth.config(token_file=tmp_path / "token")).exchange())
            await auth.asked.wait()
            exchange.cancel()
            await asyncio.sleep(0.05)
            assert not exchange.done()
            may_answer.set()
            with pytest.raises(asyncio.CancelledError):
                await exchange
        assert (tmp_path / "token").read_text() == "next\n"

    async def test_an_answer_that_drips_does_not_hold_up_a_stop(self, tmp_path, monkeypatch, caplog):
        """The next run tries the stored token once and says what happened if it is refused."""
        monkeypatch.setattr(uninterrupted, "GRACE", 0.2)

        async def drips(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(b" ")
                    await asyncio.sleep(0.02)
            return response

        async with ScriptedAuth(drips, says(400, {"error": "invalid_grant"})) as auth:
            config = auth.config(token_file=tmp_path / "token")
            exchange = asyncio.create_task(grant_for(config).exchange())
            await auth.asked.wait()
            exchange.cancel()
            with pytest.raises(asyncio.CancelledError):
                await exchange
            assert "sent no whole answer before the run had to end" in caplog.text
            with pytest.raises(AuthorisationError, match=LOST):
                await grant_for(config).exchange()

    async def test_waiting_for_the_lock_ends_at_once(self, tmp_path):
        async with ScriptedAuth(grants()) as auth:
            config = auth.config(token_file=tmp_path / "token")
            async with store_for(config).custody():
                exchange = asyncio.create_task(grant_for(config).exchange())
                await asyncio.sleep(0.05)
                exchange.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await exchange
            assert not auth.forms

    async def test_a_connection_that_does_not_come_about_is_called_off(self, tmp_path, monkeypatch):
        """Otherwise a black hole would delay a Ctrl-C for the whole timeout; nothing has been sent yet."""
        with socket.create_server(("127.0.0.1", 0)) as proxy_that_says_nothing:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy_that_says_nothing.getsockname()[1]}")
            async with ScriptedAuth(grants()) as auth:
                config = auth.config(token_file=tmp_path / "token", auth_service="https://black.hole.example")
                exchange = asyncio.create_task(grant_for(config).exchange())
                await asyncio.sleep(0.3)
                exchange.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await exchange
        assert not (tmp_path / "token.exchange").exists()


async def test_no_secret_is_logged_at_any_level(sandbox, config_file, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = [stored(config_file), sandbox.client_secret]
    token = await grant_for(Config.load(config_file, {})).exchange()
    secrets += [stored(config_file), token.value.get_secret_value()]
    sandbox.revoke_refresh_tokens()
    with pytest.raises(AuthorisationError) as caught:
        await grant_for(Config.load(config_file, {})).exchange()
    said = caplog.text + str(caught.value) + repr(token) + os.fspath(config_file)
    assert not [secret for secret in secrets if secret in said]
