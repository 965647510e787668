"""A refresh token that is provided beside a token file: it replaces the stored one when it has been accepted."""

import errno
import itertools
import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from bds_async.brightspace.auth import grant_for
from bds_async.brightspace.token_store import Custody, store_for
from bds_async.brightspace.token_store.journal import Entry, Journal, digest, now
from bds_async.config import Config
from bds_async.doctor import CheckStatus, examine
from bds_async.errors import AuthorisationError, ConfigError, TransientError
from bds_async.sandbox import Sandbox, SandboxSettings
from bds_async.support import durable
from bds_async.workspace import workspace_of
from tests.support.scripted_auth import ScriptedAuth, drops, grants, says

REFUSED = says(400, {"error": "invalid_grant"})


@pytest.fixture
def home(tmp_path) -> Path:
    path = tmp_path / "token"
    path.write_text("hush-stored\n")
    return path


@pytest.fixture
def sidecar(home) -> Path:
    path = home.with_name("token.provided")
    path.write_text(digest("an older one") + "\n")
    return path


def sent(auth: ScriptedAuth) -> list[str]:
    return [form["refresh_token"] for form in auth.forms]


def loaded(auth: ScriptedAuth, home: Path, **environ: str) -> Config:
    keys = {"BDS_BSPACE_URL": "https://school.example", "BDS_CLIENT_ID": "id", "BDS_CLIENT_SECRET": "hush-client"}
    keys |= {"BDS_AUTH_SERVICE": auth.url, "BDS_TOKEN_FILE": str(home)}
    return Config.load(home.with_name("none.json"), {**keys, **environ})


class TestAccepted:
    async def test_its_successor_takes_the_place_of_the_stored_one_and_it_is_remembered(self, home, sidecar):
        async with ScriptedAuth(grants(refresh_token="next"), grants(refresh_token="after")) as auth:
            for _ in range(2):
                await grant_for(auth.config(token_file=home)).exchange()
        assert sent(auth) == ["hush-first", "next"]
        assert (home.read_text(), sidecar.read_text()) == ("after\n", digest("hush-first") + "\n")
        assert not home.with_name("token.exchange").exists()

    async def test_without_a_successor_it_is_stored_itself_and_remembered(self, home, sidecar):
        """RFC 6749 section 6: the sent token stays valid."""
        async with ScriptedAuth(grants()) as auth:
            await grant_for(auth.config(token_file=home)).exchange()
        assert (home.read_text(), sidecar.read_text()) == ("hush-first\n", digest("hush-first") + "\n")
        assert not home.with_name("token.exchange").exists()

    async def test_a_token_file_need_not_exist_yet(self, tmp_path):
        async with ScriptedAuth(grants(refresh_token="next")) as auth:
            await grant_for(auth.config(token_file=tmp_path / "token")).exchange()
        assert (tmp_path / "token").read_text() == "next\n"

    async def test_one_that_is_stored_already_is_only_remembered(self, home, sidecar):
        """It was copied there by hand: its successor is not taken for that of another token."""
        home.write_text("hush-first\n")
        async with ScriptedAuth(grants(refresh_token="next"), grants(refresh_token="after")) as auth:
            for _ in range(2):
                await grant_for(auth.config(token_file=home)).exchange()
        assert sent(auth) == ["hush-first", "next"]

    async def test_an_answer_that_a_killed_process_had_is_kept_even_if_it_is_no_longer_provided(self, home, sidecar):
        async with ScriptedAuth() as auth:
            async with store_for(auth.config(token_file=home)).custody() as custody:
                custody.announce(custody.read())
            journal = Journal(home)
            entry = journal.entry()
            assert entry is not None
            journal.begin(entry)
            journal.received("next")
            journal.close()
            async with store_for(auth.config(token_file=home, refresh_token=None)).custody() as custody:
                assert custody.read() == SecretStr("next")
        assert (home.read_text(), sidecar.read_text()) == ("next\n", digest("hush-first") + "\n")

    @pytest.mark.parametrize("more", [{"refresh_token": "next"}, {}], ids=["successor", "no successor"])
    async def test_if_the_disk_is_full_by_then_the_next_run_stores_it(self, home, sidecar, monkeypatch, caplog, more):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        real = Journal.received
        async with ScriptedAuth(grants(**more)) as auth:
            with monkeypatch.context() as patch:
                patch.setattr(Journal, "received", lambda *args: (real(*args), patch.setattr(durable, "replace", full)))
                await grant_for(auth.config(token_file=home)).exchange()
            assert "is kept in" in caplog.text
            assert home.read_text() == "hush-stored\n"
            async with store_for(auth.config(token_file=home)).custody() as custody:
                assert custody.read() == SecretStr(more.get("refresh_token", "hush-first"))
        assert sidecar.read_text() == digest("hush-first") + "\n"


class TestRefused:
    async def refusal(self, config: Config) -> str:
        with pytest.raises(AuthorisationError) as caught:
            await grant_for(config).exchange()
        assert "hush" not in str(caught.value)
        return str(caught.value)

    @pytest.mark.parametrize("reply", [REFUSED, says(400, {"error": "invalid_request"}), says(403, {"error": "<x>"})])
    async def test_the_stored_one_and_the_memory_stay_as_they_are(self, home, sidecar, reply):
        before = sidecar.read_bytes()
        async with ScriptedAuth(reply) as auth:
            for _ in range(2):
                said = await self.refusal(auth.config(token_file=home))
                assert said.endswith(f" Or correct or remove the provided token: the former one is still in {home}.")
        assert sent(auth) == ["hush-first"] * 2, "the stored one must not be tried in its place"
        assert (home.read_text(), sidecar.read_bytes()) == ("hush-stored\n", before)
        assert not home.with_name("token.exchange").exists()

    async def test_once_it_is_removed_the_stored_one_goes_on(self, home, sidecar):
        async with ScriptedAuth(REFUSED, grants(refresh_token="next")) as auth:
            await self.refusal(auth.config(token_file=home))
            await grant_for(auth.config(token_file=home, refresh_token=None)).exchange()
        assert sent(auth) == ["hush-first", "hush-stored"]

    async def test_once_it_is_corrected_that_one_is_used(self, home, sidecar):
        async with ScriptedAuth(REFUSED, grants(refresh_token="next")) as auth:
            await self.refusal(auth.config(token_file=home))
            await grant_for(auth.config(token_file=home, refresh_token="hush-right")).exchange()
        assert sent(auth) == ["hush-first", "hush-right"]
        assert home.read_text() == "next\n"

    async def test_a_rollback_to_one_that_was_used_costs_nothing(self, home, sidecar):
        """For example a Kubernetes Secret that was restored to its state of months ago."""
        script = [grants(refresh_token="one"), grants(refresh_token="two"), REFUSED, grants(refresh_token="three")]
        async with ScriptedAuth(*script) as auth:
            await grant_for(auth.config(token_file=home, refresh_token="hush-old")).exchange()
            await grant_for(auth.config(token_file=home, refresh_token="hush-new")).exchange()
            await self.refusal(auth.config(token_file=home, refresh_token="hush-old"))
            await grant_for(auth.config(token_file=home, refresh_token="hush-new")).exchange()
        assert sent(auth)[-1] == "two"

    async def test_the_message_says_which_variable_it_came_from(self, home):
        async with ScriptedAuth(REFUSED) as auth:
            said = await self.refusal(loaded(auth, home, BDS_REFRESH_TOKEN="hush-x"))
        assert "the refresh token from the environment variable BDS_REFRESH_TOKEN (invalid_grant)" in said

    async def test_the_message_says_that_it_came_from_a_named_file(self, home, tmp_path):
        (tmp_path / "secret").write_text("hush-x")
        async with ScriptedAuth(REFUSED) as auth:
            said = await self.refusal(loaded(auth, home, BDS_REFRESH_TOKEN_FILE=str(tmp_path / "secret")))
        assert "from the file that BDS_REFRESH_TOKEN_FILE names (invalid_grant)" in said

    async def test_the_message_says_which_config_it_came_from(self, home, tmp_path):
        async with ScriptedAuth(REFUSED) as auth:
            keys = {"bspace_url": "https://school.example", "client_id": "x", "client_secret": "hush"}
            keys |= {"refresh_token": "hush-x", "token_file": "token", "auth_service": auth.url}
            (tmp_path / "config.json").write_text(json.dumps(keys))
            said = await self.refusal(Config.load(tmp_path / "config.json", {}))
        assert f"from the key refresh_token in {tmp_path / 'config.json'} (invalid_grant)" in said

    @pytest.mark.parametrize("stored", ["", "hush-first\n"])
    async def test_where_no_other_is_stored_none_is_promised(self, home, stored):
        home.write_text(stored)
        async with ScriptedAuth(REFUSED) as auth:
            said = await self.refusal(auth.config(token_file=home))
        assert said.endswith("run `bds-async login` again. Or correct the provided token.")

    async def test_what_any_token_would_meet_is_not_blamed_on_it(self, home):
        async with ScriptedAuth(says(401, {"error": "invalid_client"})) as auth:
            said = await self.refusal(auth.config(token_file=home))
        assert "(invalid_client): client_id and client_secret do not belong to one registered application" in said
        assert home.read_text() == "hush-stored\n"

    async def test_a_doubt_about_the_stored_one_outlives_its_refusal(self, home, sidecar):
        async with ScriptedAuth(drops, REFUSED) as auth:
            with pytest.raises(TransientError):
                await grant_for(auth.config(token_file=home, refresh_token=None)).exchange()
            assert "answer was lost" not in await self.refusal(auth.config(token_file=home))
            assert "answer was lost" in await self.refusal(auth.config(token_file=home, refresh_token=None))

    async def test_a_lost_answer_to_it_is_told_with_its_refusal(self, home, sidecar):
        async with ScriptedAuth(drops, REFUSED) as auth:
            with pytest.raises(TransientError):
                await grant_for(auth.config(token_file=home)).exchange()
            assert home.read_text() == "hush-stored\n"
            for _ in range(2):
                said = await self.refusal(auth.config(token_file=home))
                assert "It had been sent at 20" in said
                assert said.endswith(f"Or correct or remove the provided token: the former one is still in {home}.")


class TestProof:
    async def test_a_token_file_that_holds_something_else_is_not_written_over(self, home):
        home.write_text("two\nlines\n")
        async with ScriptedAuth(grants(refresh_token="next")) as auth:
            with pytest.raises(ConfigError, match="on one line and nothing else"):
                await grant_for(auth.config(token_file=home)).exchange()
        assert (sent(auth), home.read_text()) == ([], "two\nlines\n")

    async def test_a_memory_that_can_not_be_written_costs_no_token(self, home):
        home.with_name("token.provided").mkdir()
        async with ScriptedAuth(grants(refresh_token="next")) as auth:
            with pytest.raises(ConfigError, match="No token was spent"):
                await grant_for(auth.config(token_file=home)).exchange()
        assert not auth.forms

    async def test_proving_and_reading_change_nothing(self, home, sidecar):
        before = files(home.parent)
        async with ScriptedAuth() as auth, store_for(auth.config(token_file=home)).custody() as custody:
            custody.prove_writable()
            assert custody.read() == SecretStr("hush-first")
        assert files(home.parent) == before

    async def test_where_nothing_is_remembered_proving_leaves_nothing(self, home):
        before = files(home.parent)
        async with ScriptedAuth() as auth, store_for(auth.config(token_file=home)).custody() as custody:
            custody.prove_writable()
        assert files(home.parent) == before


class TestDoctor:
    async def test_a_wrong_one_is_exit_4_and_the_stored_one_lives_on(self, home, sidecar, tmp_path):
        async with Sandbox(SandboxSettings(data_sets=1)) as sandbox:
            home.write_text(sandbox.new_refresh_token() + "\n")
            keys = {**sandbox.config(), "refresh_token": "replace-me", "token_file": "token"}
            (tmp_path / "config.json").write_text(json.dumps(keys))
            before = files(tmp_path)
            examination = await examine(tmp_path / "config.json", workspace_of(tmp_path / "data"), environ={})
            checks = {check.name: check for check in examination.checks}
            assert (examination.exit_code, checks["token"].status) == (4, CheckStatus.FAILED)
            assert f"the former one is still in {home}" in checks["token"].found
            assert re.search(r"token from the key refresh_token in .* is new", checks["token home"].found)
            assert files(tmp_path) == before
            assert sandbox.is_live(home.read_text().strip())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


class Killed(BaseException):
    """Simulates SIGKILL: no clean-up of the product catches it by name."""


def is_killed_at(step: int, work: Callable[[], None], monkeypatch) -> bool:
    """Kill `work` just before its n-th step that changes a file; return False if it has fewer steps."""
    steps = itertools.count()

    def dying(real):
        def dies(*arguments):
            if next(steps) == step:
                raise Killed
            return real(*arguments)

        return dies

    with monkeypatch.context() as patch:
        for owner, name in ((durable, "write_atomically"), (Journal, "received"), (Journal, "clear")):
            patch.setattr(owner, name, dying(getattr(owner, name)))
        try:
            work()
        except Killed:
            return True
        return False


class Auth:
    """An auth service with single-use tokens: `live` ones, and those that were sent `in_vain`."""

    def __init__(self, *live: str, rotates: bool = True) -> None:
        self.live = set(live)
        self.in_vain: list[str] = []
        self._rotates = rotates
        self._numbers = itertools.count(1)

    def answer(self, token: str) -> str | None:
        """The successor, or None if the sent token stays valid."""
        if token not in self.live:
            self.in_vain.append(token)
            raise AuthorisationError("refused")
        if not self._rotates:
            return None
        self.live.remove(token)
        successor = f"successor-{next(self._numbers)}"
        self.live.add(successor)
        return successor


def exchange(custody: Custody, auth: Auth) -> None:
    token = custody.read()
    custody.prove_writable()
    custody.announce(token)
    try:
        successor = auth.answer(token.get_secret_value())
    except AuthorisationError:
        custody.withdraw()
    else:
        custody.keep() if successor is None else custody.write(SecretStr(successor))


def waiting_answer(home: Path) -> None:
    """Write a note with the stored token's successor, as left by a process killed before storing it."""
    journal = Journal(home)
    journal.begin(Entry(digest("hush-stored"), now(), digest("hush-stored")))
    journal.received("waiting")
    journal.close()


class TestKilledAtAnyStep:
    """After two kills at any steps, no valid token is silently lost, and no spent token is sent unknowingly."""

    def begun(self, home: Path, stored: str, *, rotates: bool) -> Auth:
        for left in home.parent.iterdir():
            left.unlink()
        if stored != "none":
            home.write_text("given\n" if stored == "the same" else "hush-stored\n")
        if stored == "waiting":
            waiting_answer(home)
        return Auth("given", "waiting" if stored == "waiting" else "hush-stored", rotates=rotates)

    def next_run(self, home: Path, custody: Custody, auth: Auth) -> None:
        former = {"hush-stored", "waiting"} & auth.live
        if custody.read().get_secret_value() not in auth.live:
            assert custody.in_doubt_since is not None, "a token died and nothing says why"
            if not home.with_name("token.provided").exists():
                assert not home.exists() or home.read_text().strip() in {"given", *former}
            return
        exchange(custody, auth)
        assert home.read_text().strip() in auth.live
        assert home.with_name("token.provided").read_text() == digest("given") + "\n"
        assert not home.with_name("token.exchange").exists()

    @pytest.mark.parametrize("rotates", [True, False], ids=["successor", "no successor"])
    @pytest.mark.parametrize("stored", ["none", "another", "the same", "waiting"])
    async def test_the_next_run_goes_on_or_knows_what_is_in_doubt(self, home, monkeypatch, stored, rotates):
        keys = {"bspace_url": "https://school.example", "client_id": "x", "client_secret": "y"}
        store = store_for(Config(**keys, refresh_token="given", token_file=home))
        monkeypatch.setattr(durable, "_fsync", lambda *_: None)
        for first in itertools.count():
            for second in itertools.count():
                auth, killed = self.begun(home, stored, rotates=rotates), []
                for step in (first, second):
                    async with store.custody() as custody:
                        killed.append(is_killed_at(step, partial(exchange, custody, auth), monkeypatch))
                async with store.custody() as custody:
                    self.next_run(home, custody, auth)
                assert set(auth.in_vain) <= {"given"}
                # An exchange that ends before this step also ends before each later one.
                if not killed[1]:
                    break
            if not killed[0]:
                break
        assert first > 6
