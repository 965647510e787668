"""One access token for all tasks: one exchange at a time, renewal ahead of expiry, stored in every case."""

import asyncio
import contextlib
import json
import logging
import re
import socket
import threading
import time
from itertools import count

import pytest
from pydantic import SecretStr

from bds_async.brightspace import retry
from bds_async.brightspace.auth import CONNECT_TIMEOUT, AccessToken, TokenRefresher, grant_for
from bds_async.brightspace.auth import refresher as auth_module
from bds_async.config import Config
from bds_async.errors import AuthorisationError, ConfigError, ConnectionFailed, UnreachableError
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.support.scripted_auth import ScriptedAuth, drops, grants, says, waits_for


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Backoff in milliseconds."""
    monkeypatch.setattr(retry, "BASE", 0.002)


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=0)) as running:
        yield running


@pytest.fixture
def config_file(sandbox, tmp_path):
    path = tmp_path / "config.json"
    sandbox.write_config(path)
    return path


@pytest.fixture
async def refresher(config_file):
    async with TokenRefresher(grant_for(Config.load(config_file, {}))) as refresher:
        yield refresher


class Mint:
    """A grant without a server: tokens of a given life, after given failures."""

    def __init__(self, life: float = 3600.0, failures: tuple[Exception, ...] = ()) -> None:
        self.life, self.failures, self.exchanges = life, list(failures), count(1)
        self.gate = asyncio.Event()
        self.gate.set()
        self.made = 0

    @property
    def granted(self) -> int:
        return self.made

    async def exchange(self, connect_within: float = 30.0) -> AccessToken:
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.made = next(self.exchanges)
        return AccessToken(SecretStr(f"hush-{self.made}"), time.monotonic() + self.life, self.life)


@contextlib.asynccontextmanager
async def running(refresher: TokenRefresher):
    task = asyncio.create_task(refresher.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def reaches(what, number: int) -> None:
    for _ in range(2000):
        if what() >= number:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{what()} instead of {number}")


class TestSharing:
    async def test_many_at_once_make_one_exchange(self, sandbox, refresher):
        tokens = await asyncio.gather(*(refresher.token() for _ in range(64)))
        assert set(map(id, tokens)) == {id(tokens[0])}
        assert (sandbox.counters.exchanges, refresher.refreshes) == (1, 1)

    async def test_many_that_saw_a_401_at_once_make_one_exchange(self, sandbox, refresher):
        refused = await refresher.token()
        tokens = await asyncio.gather(*(refresher.renew(refused) for _ in range(64)))
        assert set(map(id, tokens)) == {id(tokens[0])} != {id(refused)}
        assert (sandbox.counters.exchanges, refresher.refreshes) == (2, 2)

    async def test_whoever_comes_late_with_an_old_refusal_gets_what_is_there(self, sandbox, refresher):
        old = await refresher.token()
        renewed = await refresher.renew(old)
        assert await refresher.renew(old) is renewed
        assert sandbox.counters.exchanges == 2

    async def test_a_living_token_is_handed_out_again_and_a_dead_one_is_not(self):
        mint = Mint(life=-1.0)
        refresher = TokenRefresher(mint)
        dead = await refresher.token()
        mint.life = 3600.0
        living = await refresher.token()
        assert living is not dead
        assert await refresher.token() is living

    async def test_during_a_renewal_the_living_token_is_still_handed_out(self):
        mint = Mint()
        refresher = TokenRefresher(mint)
        token = await refresher.token()
        mint.gate.clear()
        renewal = asyncio.create_task(refresher.renew(token))
        await asyncio.sleep(0.01)
        assert await refresher.token() is token
        mint.gate.set()
        assert await renewal is not token

    async def test_whoever_waits_gets_the_exchange_that_was_waited_for(self):
        """The first task to continue may begin the next exchange before the second one continues."""
        mint = Mint()
        refresher = TokenRefresher(mint)

        async def twice() -> AccessToken:
            token = await refresher.token()
            mint.gate.clear()
            next_one = asyncio.create_task(refresher.renew(token))
            await asyncio.sleep(0)
            next_one.cancel()
            return token

        assert {token.value for token in await asyncio.gather(twice(), refresher.token())} == {SecretStr("hush-1")}
        await refresher.settle()

    async def test_one_that_is_cancelled_leaves_the_exchange_to_the_others(self):
        mint = Mint()
        mint.gate.clear()
        refresher = TokenRefresher(mint)
        first, second = (asyncio.create_task(refresher.token()) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        mint.gate.set()
        assert (await second).value == SecretStr("hush-1")
        assert first.cancelled()
        assert mint.made == 1

    async def test_a_failure_that_nobody_waits_for_any_more_is_not_complained_about(self, caplog):
        mint = Mint(failures=(AuthorisationError("no"),))
        mint.gate.clear()
        refresher = TokenRefresher(mint)
        waiting = asyncio.create_task(refresher.token())
        await asyncio.sleep(0.01)
        waiting.cancel()
        mint.gate.set()
        await asyncio.sleep(0.01)
        assert not [record for record in caplog.records if record.name == "asyncio"]

    def test_no_repr_shows_a_token(self):
        assert "hush" not in repr(AccessToken(SecretStr("hush"), 0.0, 0.0))


class TestFailures:
    async def test_what_is_transient_is_tried_again(self, tmp_path):
        script = [says(503, b""), drops, says(429, b"", Retry_After="0"), says(200, b"<html>"), grants("good")]
        async with ScriptedAuth(*script) as auth:
            refresher = TokenRefresher(grant_for(auth.config(token_file=tmp_path / "token")))
            assert (await refresher.token()).value == SecretStr("good")
        assert refresher.refreshes == 1

    async def test_faults_of_the_auth_service_are_waited_out(self, sandbox, refresher):
        sandbox.play(
            Fault.of("status", on="token", status=503, at=[1]),
            Fault.of("status", on="token", status=429, retry_after=0, at=[2]),
            Fault.of("html", on="token", at=[3]),
            Fault.of("reset", on="token", at=[4]),
        )
        await refresher.token()
        assert (sandbox.counters.exchanges, sandbox.counters.refused_exchanges) == (1, 0)

    async def test_a_lost_answer_ends_with_the_reason_and_not_with_more_tries(self, sandbox, refresher):
        sandbox.play(Fault.of("lost", on="token", first=1))
        with pytest.raises(AuthorisationError, match=r"answer was lost .*Run `bds-async login`"):
            await refresher.token()
        assert sandbox.counters.refused_exchanges == 1

    async def test_an_outage_that_ends_is_waited_out(self, sandbox, refresher):
        await sandbox.go_away(0.2)
        await refresher.token()
        assert sandbox.counters.exchanges == 1

    async def test_it_is_told_when_it_begins_and_once_only(self, sandbox, refresher, caplog):
        caplog.set_level(logging.INFO, "bds_async.brightspace.auth")
        token = await refresher.token()
        for outage in (1, 2):
            sandbox.play(Fault.of("status", on="token", status=503, first=3))
            token = await refresher.renew(token)
            told = [message for message in caplog.messages if message.startswith("No access token yet: ")]
            assert len(told) == outage
            assert re.fullmatch(r".*: \S+ answered 503\. .* check auth_service\.", told[-1])

    async def test_while_it_lasts_it_is_told_anew_after_a_while(self, monkeypatch, caplog):
        monkeypatch.setattr(auth_module, "SILENCE", 0.0)
        caplog.set_level(logging.INFO, "bds_async.brightspace.auth")
        await TokenRefresher(Mint(failures=(ConnectionFailed("gone."),) * 3)).token()
        assert len(caplog.messages) == 3

    async def test_patience_with_one_that_was_never_reached_is_short(self, sandbox, config_file):
        await sandbox.go_away()
        refresher = TokenRefresher(grant_for(Config.load(config_file, {})), first_patience=0.05)
        with pytest.raises(UnreachableError, match=r"connect to 127.0.0.1.*within 0 s; check auth_service") as caught:
            await refresher.token()
        assert caught.value.exit_code == 5
        assert sandbox.is_live(json.loads(config_file.read_text())["refresh_token"])

    async def test_patience_with_one_that_answered_before_is_longer(self, sandbox, config_file):
        config = Config.load(config_file, {})
        refresher = TokenRefresher(grant_for(config), first_patience=0.0, patience=20.0)
        token = await refresher.token()
        await sandbox.go_away(0.2)
        await refresher.renew(token)
        assert refresher.refreshes == 2

    async def test_it_can_be_asked_again_after_an_outage(self):
        mint = Mint(failures=(ConnectionFailed("gone"),))
        refresher = TokenRefresher(mint, first_patience=0.0)
        with pytest.raises(UnreachableError, match="gone"):
            await refresher.token()
        assert (await refresher.token()).value == SecretStr("hush-1")

    @pytest.mark.parametrize("error", [AuthorisationError("refused"), ConfigError("read-only")])
    async def test_what_only_a_person_can_mend_is_not_tried_again(self, error):
        """Sixty-four workers must not send sixty-four requests with a refused token."""
        mint = Mint(failures=(error,))
        refresher = TokenRefresher(mint)
        for _ in range(3):
            with pytest.raises(type(error)):
                await refresher.token()
        assert mint.made == 0

    async def test_a_refused_token_is_sent_once(self, sandbox, refresher):
        sandbox.revoke_refresh_tokens()
        answers = await asyncio.gather(*(refresher.token() for _ in range(64)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {AuthorisationError}
        with pytest.raises(AuthorisationError):
            await refresher.token()
        assert sandbox.counters.refused_exchanges == 1


class TestRunning:
    @pytest.fixture(autouse=True)
    def restless(self, monkeypatch):
        """A token of ten seconds is renewed after a tenth of a second."""
        monkeypatch.setattr(auth_module, "SHORTEST_REST", 0.0)
        monkeypatch.setattr(auth_module, "RENEW_AFTER", 0.01)

    async def test_the_token_is_renewed_ahead_of_its_expiry(self):
        mint = Mint(life=10.0)
        refresher = TokenRefresher(mint)
        first = await refresher.token()
        async with running(refresher):
            await reaches(lambda: mint.made, 4)
        assert time.monotonic() < first.expires_at
        assert refresher.refreshes >= 3

    @pytest.mark.parametrize("life", [0.0001, 0.05])
    async def test_lives_too_short_to_renew_ahead_do_not_become_a_flood(self, monkeypatch, life):
        monkeypatch.setattr(auth_module, "SHORTEST_REST", 60.0)
        mint = Mint(life=life)
        async with running(TokenRefresher(mint)):
            await reaches(lambda: mint.made, 1)
            await asyncio.sleep(0.1)
        assert mint.made == 1

    async def test_a_failing_renewal_is_tried_again_while_the_token_lives(self, caplog):
        mint = Mint(life=10.0)
        refresher = TokenRefresher(mint, patience=0.0)
        async with running(refresher) as task:
            await reaches(lambda: mint.made, 1)
            mint.failures = [ConnectionFailed("gone")] * 3
            await reaches(lambda: mint.made, 2)
            assert not task.done()
        assert "gone No access token was obtained within 0 s; check auth_service and the network" in caplog.text
        assert "The current access token is still valid" in caplog.text

    async def test_it_ends_with_the_token_if_nothing_helps(self):
        mint = Mint(life=0.05)
        refresher = TokenRefresher(mint, patience=0.0)
        await refresher.token()
        mint.failures = [ConnectionFailed("gone")] * 10_000
        with pytest.raises(UnreachableError, match="gone"):
            await refresher.run()

    async def test_it_ends_at_once_if_the_token_died_while_it_was_trying(self):
        mint = Mint(life=0.2)
        refresher = TokenRefresher(mint, patience=0.0)
        token = await refresher.token()
        mint.gate.clear()
        mint.failures = [ConnectionFailed("gone")]
        run = asyncio.create_task(refresher.run())
        await asyncio.sleep(token.expires_at - time.monotonic() + 0.01)
        mint.gate.set()
        with pytest.raises(UnreachableError, match="gone"):
            await run

    async def test_an_exchange_that_ends_while_the_run_ends_is_counted(self, tmp_path):
        """The auth service answered it, so the report must count it."""
        may_answer = asyncio.Event()
        script = [grants(refresh_token="second", expires_in=10), waits_for(may_answer, grants(refresh_token="third"))]
        async with ScriptedAuth(*script) as auth:
            refresher = TokenRefresher(grant_for(auth.config(token_file=tmp_path / "token")))
            run = asyncio.create_task(refresher.run())
            await reaches(lambda: len(auth.forms), 2)
            run.cancel()
            asyncio.get_running_loop().call_later(0.05, may_answer.set)
            with pytest.raises(asyncio.CancelledError):
                await run
            await refresher.settle()
            assert refresher.refreshes == 2
        assert (tmp_path / "token").read_text() == "third\n"

    async def test_a_refusal_ends_it_at_once(self):
        mint = Mint(life=10.0)
        refresher = TokenRefresher(mint)
        await refresher.token()
        mint.failures = [AuthorisationError("refused")]
        with pytest.raises(AuthorisationError, match="refused"):
            await refresher.run()

    async def test_a_token_that_dies_before_its_time_is_renewed_when_it_is_refused(self, sandbox, refresher):
        async with running(refresher):
            token = await refresher.token()
            sandbox.revoke_access_tokens()
            assert (await refresher.renew(token)).value != token.value


class TestSettling:
    async def test_leaving_waits_until_the_answer_is_stored(self, tmp_path):
        may_answer = asyncio.Event()
        async with ScriptedAuth(waits_for(may_answer, grants(refresh_token="next"))) as auth:

            async def job() -> None:
                async with TokenRefresher(grant_for(auth.config(token_file=tmp_path / "token"))) as refresher:
                    await refresher.token()

            task = asyncio.create_task(job())
            await auth.asked.wait()
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.01)
            assert not task.done()
            may_answer.set()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (tmp_path / "token").read_text() == "next\n"

    async def test_retries_are_called_off_at_once(self, sandbox, config_file, monkeypatch):
        monkeypatch.setattr(retry, "BASE", 1000.0)
        await sandbox.go_away()
        refresher = TokenRefresher(grant_for(Config.load(config_file, {})))
        waiting = asyncio.create_task(refresher.token())
        await asyncio.sleep(0.1)
        await refresher.settle()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async def test_without_an_exchange_there_is_nothing_to_wait_for(self, refresher):
        await refresher.settle()
        await refresher.token()
        await refresher.settle()

    def test_a_loop_that_is_torn_down_stores_the_answer_all_the_same(self, tmp_path):
        """Airflow raises from a signal handler; code that forgets to settle must not lose the token either."""
        config_path = tmp_path / "config.json"

        async def main(config: Config) -> None:
            waiting = asyncio.create_task(TokenRefresher(grant_for(config)).token())
            await asyncio.wait([waiting], timeout=0.2)
            raise KeyboardInterrupt

        with _served_in_a_thread(Sandbox(SandboxSettings(data_sets=0, latency=0.5))) as sandbox:
            sandbox.write_config(config_path)
            with pytest.raises(KeyboardInterrupt):
                asyncio.run(main(Config.load(config_path, {})))
            assert sandbox.counters.exchanges == 1
            assert sandbox.is_live(json.loads(config_path.read_text())["refresh_token"])


@contextlib.contextmanager
def _served_in_a_thread(sandbox: Sandbox):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
    try:
        yield sandbox
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def test_no_secret_is_logged_while_running(sandbox, refresher, caplog):
    caplog.set_level(logging.DEBUG)
    token = await refresher.token()
    await sandbox.go_away(0.05)
    await refresher.renew(token)
    assert token.value.get_secret_value() not in caplog.text
    assert sandbox.client_secret not in caplog.text


class TestFirstContact:
    async def test_the_seconds_in_all_and_those_in_the_message_agree(self, monkeypatch):
        """The waits between the tries are shortened, so that the last try is made in time."""
        monkeypatch.setattr(retry, "BASE", 60.0)
        refresher = TokenRefresher(Mint(failures=(ConnectionFailed("gone."),) * 1000), first_patience=1.6)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"No access token was obtained within [12] s; ") as caught:
            await refresher.token()
        assert "gone." in str(caught.value)
        assert time.monotonic() - began < 30

    async def test_a_try_has_no_longer_to_connect_than_is_left(self):
        given = []

        class Patient(Mint):
            async def exchange(self, connect_within: float = 30.0) -> AccessToken:
                given.append(connect_within)
                return await super().exchange(connect_within)

        await TokenRefresher(Patient(), first_patience=12.0).token()
        await TokenRefresher(Patient(), first_patience=300.0).token()
        assert 11 < given[0] <= 12
        assert given[1] == CONNECT_TIMEOUT

    async def test_a_connection_that_does_not_come_about_is_given_up_in_time(self, tmp_path, monkeypatch):
        """The proxy accepts the connection and does not answer, like a black hole."""
        with socket.create_server(("127.0.0.1", 0)) as proxy_that_says_nothing:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy_that_says_nothing.getsockname()[1]}")
            async with ScriptedAuth(grants()) as auth:
                config = auth.config(token_file=tmp_path / "token", auth_service="https://black.hole.example")
                refresher = TokenRefresher(grant_for(config), first_patience=1.2)
                with pytest.raises(UnreachableError, match=r"connect to black\.hole\.example within 1 s\."):
                    await refresher.token()
        assert not (tmp_path / "token.exchange").exists()
