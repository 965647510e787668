"""Custody of the refresh token: prove, announce, store; recover after a kill."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import stat
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

import bds_async
from bds_async.brightspace.token_store import Provided, TokenStore, store_for
from bds_async.brightspace.token_store import lock as token_lock
from bds_async.brightspace.token_store.home import TokenFileHome
from bds_async.brightspace.token_store.journal import RESERVED, Entry, Journal, digest
from bds_async.config import Config
from bds_async.errors import ConfigError, CredentialsBusy
from bds_async.support import durable

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes, owners and signals are POSIX only")
KEYS = {"bspace_url": "https://school.example", "client_id": "x", "client_secret": "hush", "refresh_token": "first"}

REASONS = {
    errno.EBUSY: "mounted as a single file",
    errno.EROFS: "file system is read-only",
    errno.EACCES: "can't be written there",
    errno.ENOSPC: "no space left",
    errno.EIO: os.strerror(errno.EIO),
}


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**KEYS, "mine": {"kept": [1, 2]}}, indent=4))
    path.chmod(0o600)
    return path


@pytest.fixture
def store(config_file):
    return store_for(Config.load(config_file, {}))


def stored(config_file: Path) -> str:
    return json.loads(config_file.read_text())["refresh_token"]


async def read(store: TokenStore) -> str:
    async with store.custody() as custody:
        return custody.read().get_secret_value()


async def exchange(store: TokenStore, successor: str) -> str:
    """An exchange as in the grant, but without the request."""
    async with store.custody() as custody:
        token = custody.read()
        custody.prove_writable()
        custody.announce(token)
        custody.write(SecretStr(successor))
        return token.get_secret_value()


async def die_after_announcing(store: TokenStore) -> None:
    """Leave the files of a process that was killed during the request."""
    async with store.custody() as custody:
        custody.announce(custody.read())


async def die_while_writing(store: TokenStore, monkeypatch, successor: str) -> None:
    """Leave the files of a process that was killed between the answer and the rename."""
    async with store.custody() as custody:
        token = custody.read()
        custody.prove_writable()
        custody.announce(token)
        with monkeypatch.context() as patch:
            patch.setattr(durable, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with contextlib.suppress(KeyboardInterrupt):
                custody.write(SecretStr(successor))


class TestConfigFile:
    async def test_the_successor_is_written_where_the_token_was_read(self, store, config_file):
        before = config_file.read_text()
        assert await exchange(store, "second") == "first"
        assert config_file.read_text() == before.replace('"first"', '"second"')
        assert await read(store) == "second"

    async def test_only_the_lock_file_stays_beside_it(self, store, config_file):
        await exchange(store, "second")
        assert {path.name for path in config_file.parent.iterdir()} == {"config.json", "config.json.lock"}

    async def test_under_the_lock_the_token_is_read_again(self, store, config_file):
        """Another process, or a person, may have replaced it since the config was loaded."""
        config_file.write_text(config_file.read_text().replace("first", "by another process"))
        assert await read(store) == "by another process"

    @posix_only
    @pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
    async def test_every_file_is_for_its_user_alone_whatever_the_umask(self, store, config_file, umask):
        config_file.chmod(0o664)
        before = os.umask(umask)
        try:
            await die_after_announcing(store)
            await exchange(store, "second")
            await die_after_announcing(store)
        finally:
            os.umask(before)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in config_file.parent.iterdir()}
        assert modes == dict.fromkeys(["config.json", "config.json.lock", "config.json.exchange"], 0o600)

    @posix_only
    async def test_a_symlinked_config_stays_a_symlink_and_its_target_is_locked(self, config_file, tmp_path):
        real = tmp_path / "real"
        real.mkdir()
        config_file.rename(real / "settings.json")
        config_file.symlink_to("real/settings.json")
        await exchange(store_for(Config.load(config_file, {})), "second")
        assert config_file.is_symlink()
        assert stored(real / "settings.json") == "second"
        assert (real / "settings.json.lock").exists()

    async def test_a_config_without_a_token_says_how_to_get_one(self, store, config_file):
        config_file.write_text(json.dumps({**KEYS, "refresh_token": "<placeholder>"}))
        with pytest.raises(ConfigError, match="run `bds-async login`"):
            await read(store)

    async def test_a_config_that_is_spoilt_meanwhile_is_named(self, store, config_file):
        config_file.write_text('{"refresh_token": "hush')
        with pytest.raises(ConfigError, match=r"config.json is not JSON") as caught:
            await read(store)
        assert "hush" not in str(caught.value)

    async def test_login_can_store_a_first_token(self, store, config_file):
        config_file.write_text(json.dumps({**KEYS, "refresh_token": None}))
        async with store.custody() as custody:
            custody.prove_writable()
            custody.write(SecretStr("from login"))
        assert stored(config_file) == "from login"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
    async def test_root_leaves_every_file_to_its_owner(self, store, config_file):
        """A `sudo bds-async doctor` must not lock out the user whose job runs at night."""
        os.chown(config_file, 12345, 23456)
        await exchange(store, "second")
        await die_after_announcing(store)
        assert {path.stat().st_uid for path in config_file.parent.iterdir()} == {12345}
        assert config_file.stat().st_gid == 23456

    async def test_temporary_files_of_killed_processes_are_swept_and_no_others(self, store, config_file):
        swept = [".config.json.abcd_123.tmp", ".config.json.exchange.abcdefgh.tmp"]
        kept = [".config.json.tmp", ".config.json.ABCDEFGH.tmp", ".other.json.abcdefgh.tmp", "config.json.abcdefgh.tmp"]
        for name in [*swept, *kept]:
            (config_file.parent / name).touch()
        await read(store)
        left = {path.name for path in config_file.parent.iterdir()}
        assert left == {"config.json", "config.json.lock", *kept}


class TestProof:
    @posix_only
    async def test_a_config_that_is_marked_read_only_is_left_alone(self, store, config_file):
        config_file.chmod(0o400)
        async with store.custody() as custody:
            with pytest.raises(ConfigError, match=r"No token was spent\. Set token_file"):
                custody.prove_writable()
        assert stat.S_IMODE(config_file.stat().st_mode) == 0o400

    async def test_it_goes_by_the_steps_that_will_write_the_token(self, store, config_file, monkeypatch):
        steps = []
        for name in ("_write_temporary", "replace", "fsync_folder"):
            real = getattr(durable, name)
            monkeypatch.setattr(durable, name, lambda *args, real=real, name=name: steps.append(name) or real(*args))
        async with store.custody() as custody:
            custody.prove_writable()
            proof, steps[:] = list(steps), []
            custody.write(SecretStr("second"))
        assert proof == steps == ["_write_temporary", "replace", "fsync_folder"]

    @pytest.mark.parametrize("code", REASONS)
    @pytest.mark.parametrize("step", ["_write_temporary", "replace"])
    async def test_each_reason_is_said_with_the_way_out(self, config_file, monkeypatch, code, step):
        def fails(*_):
            raise OSError(code, os.strerror(code))

        before = config_file.read_bytes()
        monkeypatch.setattr(durable, step, fails)
        async with store_for(Config.load(config_file, {})).custody() as custody:
            with pytest.raises(ConfigError, match=f"{REASONS[code]}.*No token was spent. Set token_file"):
                custody.prove_writable()
        assert config_file.read_bytes() == before

    async def test_the_room_for_the_answer_is_taken_before_the_token_is_sent(self, store, config_file):
        async with store.custody() as custody:
            custody.announce(custody.read())
            assert (config_file.parent / "config.json.exchange").stat().st_size == RESERVED

    async def test_without_room_for_the_answer_no_token_is_sent(self, store, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "x")

        async with store.custody() as custody:
            token = custody.read()
            monkeypatch.setattr(durable, "write_atomically", full)
            with pytest.raises(ConfigError, match=r"no space left\. No token was spent"):
                custody.announce(token)


class TestTokenFile:
    def config(self, tmp_path, **more):
        (tmp_path / "state").mkdir(exist_ok=True)
        return Config(**{**KEYS, "refresh_token": None, "token_file": tmp_path / "state" / "token", **more})

    @pytest.mark.parametrize("content", ["tok en", "tok en\n", "\ufefftok en\r\n", "\n tok en \n"])
    async def test_it_holds_the_bare_token_on_one_line(self, tmp_path, content):
        config = self.config(tmp_path)
        config.token_file.write_bytes(content.encode())
        assert await exchange(store_for(config), "second") == "tok en"
        assert config.token_file.read_bytes() == b"second\n"

    @pytest.mark.parametrize("content", [b"hush\nhush\n", b"\xff\xfeh\x00", b'{\n"refresh_token": "hush"\n}'])
    async def test_anything_else_in_it_is_refused(self, tmp_path, content):
        config = self.config(tmp_path)
        config.token_file.write_bytes(content)
        with pytest.raises(ConfigError, match="must hold the refresh token on one line") as caught:
            await read(store_for(config))
        assert "hush" not in str(caught.value)

    @pytest.mark.parametrize("content", [None, b"", b"\n"])
    async def test_an_empty_one_says_how_to_get_a_token(self, tmp_path, content):
        config = self.config(tmp_path)
        if content is not None:
            config.token_file.write_bytes(content)
        with pytest.raises(ConfigError, match="run `bds-async login`"):
            await read(store_for(config))

    async def test_proving_one_that_is_not_there_leaves_nothing(self, tmp_path):
        config = self.config(tmp_path)
        async with store_for(config).custody() as custody:
            custody.prove_writable()
        assert not config.token_file.exists()

    async def test_a_folder_that_is_not_there_is_an_error_and_not_made(self, tmp_path):
        """It may be an unmounted volume: a token written there would vanish with the container."""
        config = self.config(tmp_path, token_file=tmp_path / "none" / "token")
        with pytest.raises(ConfigError, match=r"its folder doesn't exist\. No token was spent"):
            await read(store_for(config))
        assert not (tmp_path / "none").exists()

    async def test_a_folder_in_its_place_is_an_error(self, tmp_path):
        config = self.config(tmp_path, token_file=tmp_path)
        with pytest.raises(ConfigError, match="can't be read"):
            await read(store_for(config))

    def test_it_must_not_be_the_config_itself(self, config_file):
        config_file.write_text(json.dumps({**KEYS, "token_file": "../" + config_file.parent.name + "/config.json"}))
        with pytest.raises(ConfigError, match="must not be the config file itself"):
            store_for(Config.load(config_file, {}))

    async def test_with_one_the_config_is_never_written(self, config_file, tmp_path):
        config_file.write_text(json.dumps({**KEYS, "token_file": "token"}))
        before = config_file.read_bytes()
        assert await exchange(store_for(Config.load(config_file, {})), "second") == "first"
        assert config_file.read_bytes() == before
        assert (tmp_path / "token").read_text() == "second\n"


class TestProvidedToken:
    def store(self, tmp_path, provided):
        environ = {f"BDS_{key.upper()}": value for key, value in KEYS.items()}
        environ |= {"BDS_REFRESH_TOKEN": provided, "BDS_TOKEN_FILE": str(tmp_path / "token")}
        return store_for(Config.load(tmp_path / "no.json", environ))

    async def test_the_first_use_is_the_provided_one_then_its_successors(self, tmp_path):
        assert await exchange(self.store(tmp_path, "given"), "second") == "given"
        assert await exchange(self.store(tmp_path, "given"), "third") == "second"
        assert await read(self.store(tmp_path, "given")) == "third"

    async def test_a_newly_provided_one_wins_over_the_descendant_of_an_older_one(self, tmp_path):
        await exchange(self.store(tmp_path, "given"), "second")
        assert await exchange(self.store(tmp_path, "given anew"), "third") == "given anew"
        assert await read(self.store(tmp_path, "given anew")) == "third"

    async def test_it_wins_over_what_was_stored_before_any_was_provided(self, tmp_path):
        (tmp_path / "token").write_text("stored")
        assert await read(self.store(tmp_path, "given")) == "given"

    @posix_only
    async def test_a_token_file_that_is_a_link_to_itself_is_named(self, tmp_path):
        (tmp_path / "token").symlink_to("token")
        with pytest.raises(ConfigError, match=r"token, which holds the refresh token, can't be read: .*link"):
            await read(self.store(tmp_path, "given"))

    async def test_it_is_used_again_if_the_token_file_is_gone(self, tmp_path):
        await exchange(self.store(tmp_path, "given"), "second")
        (tmp_path / "token").unlink()
        assert await read(self.store(tmp_path, "given")) == "given"

    async def test_what_is_remembered_is_its_hash_alone(self, tmp_path):
        await exchange(self.store(tmp_path, "given"), "second")
        assert (tmp_path / "token.provided").read_text() == digest("given") + "\n"

    async def test_a_token_from_login_wins_over_a_provided_one_that_was_never_used(self, tmp_path):
        async with self.store(tmp_path, "given").custody() as custody:
            custody.prove_writable()
            custody.write(SecretStr("from login"))
        assert await read(self.store(tmp_path, "given")) == "from login"

    async def test_one_in_a_config_with_token_file_counts_as_provided(self, tmp_path, config_file):
        for given, expected in [("first", "first"), ("first", "next"), ("other", "other")]:
            config_file.write_text(json.dumps({**KEYS, "refresh_token": given, "token_file": "token"}))
            assert await exchange(store_for(Config.load(config_file, {})), "next") == expected

    def test_without_a_token_file_it_is_refused_with_the_way_out(self, config_file):
        with pytest.raises(ConfigError, match=r"comes from the environment.*set token_file \(BDS_TOKEN_FILE\)"):
            store_for(Config.load(config_file, {"BDS_REFRESH_TOKEN": "given"}))
        with pytest.raises(ConfigError, match="pass token_file=PATH, a file that can be written, to Config"):
            store_for(Config(**KEYS))


class TestAfterAKill:
    async def test_an_answer_that_had_arrived_is_taken_over(self, store, config_file, monkeypatch):
        await die_while_writing(store, monkeypatch, "second")
        assert stored(config_file) == "first"
        assert await read(store) == "second"
        assert stored(config_file) == "second"
        assert not (config_file.parent / "config.json.exchange").exists()

    async def test_an_answer_that_was_stored_is_not_taken_over_twice(self, store, config_file, monkeypatch):
        """Killed between the rename and the removal of the note."""
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "clear", Journal.close)
            await exchange(store, "second")
        assert await read(store) == "second"

    async def test_a_token_that_a_person_put_there_meanwhile_wins(self, store, config_file, monkeypatch):
        await die_while_writing(store, monkeypatch, "second")
        config_file.write_text(config_file.read_text().replace("first", "by hand"))
        assert await read(store) == "by hand"
        assert not (config_file.parent / "config.json.exchange").exists()

    async def test_a_token_provided_anew_wins(self, tmp_path, monkeypatch):
        """The token that the killed process had received is still stored, in case the new one is refused."""
        home = TokenFileHome(tmp_path / "token")
        await die_while_writing(TokenStore(home, Provided(SecretStr("given"), "a test")), monkeypatch, "second")
        assert await read(TokenStore(home, Provided(SecretStr("given anew"), "a test"))) == "given anew"
        assert home.content() == b"second\n"

    async def test_a_note_of_an_older_version_is_about_the_stored_token(self, store, config_file):
        note = {"spent": digest("first"), "since": "2026-11-23T01:02:03+00:00", "refresh_token": "second"}
        (config_file.parent / "config.json.exchange").write_text(json.dumps(note))
        assert await read(store) == "second"
        assert stored(config_file) == "second"

    async def test_a_token_that_was_sent_without_an_answer_is_in_doubt_since_then(self, store):
        before = datetime.now(UTC).replace(microsecond=0)
        await die_after_announcing(store)
        async with store.custody() as custody:
            assert custody.read() == SecretStr("first")
            assert before <= custody.in_doubt_since <= datetime.now(UTC)

    async def test_the_doubt_outlives_tries_that_were_never_sent(self, store):
        await die_after_announcing(store)
        async with store.custody() as custody:
            custody.announce(custody.read())
            since = custody.in_doubt_since
            custody.withdraw()
        async with store.custody() as custody:
            custody.read()
            assert custody.in_doubt_since == since

    async def test_the_doubt_ends_with_an_answer(self, store, config_file):
        await die_after_announcing(store)
        async with store.custody() as custody:
            custody.announce(custody.read())
            custody.keep()
        async with store.custody() as custody:
            custody.read()
            assert custody.in_doubt_since is None
        assert not (config_file.parent / "config.json.exchange").exists()

    async def test_a_try_that_was_never_sent_leaves_no_doubt(self, store):
        async with store.custody() as custody:
            custody.announce(custody.read())
            custody.withdraw()
        async with store.custody() as custody:
            custody.read()
            assert custody.in_doubt_since is None

    @pytest.mark.parametrize(
        "note",
        [
            b"",
            b"{",
            b"[]",
            b"{}",
            b'{"spent": 1, "since": 2, "refresh_token": 3}',
            b'{"spent": null, "since": "2026-11-22T04:10:02+00:00", "refresh_token": 5}',
            b"[" * 200_000,
            b"x" * 2_000_000,
        ],
    )
    async def test_an_illegible_note_is_ignored(self, store, config_file, note):
        (config_file.parent / "config.json.exchange").write_bytes(note)
        assert await read(store) == "first"

    def test_a_note_shows_no_token(self):
        assert "hush" not in repr(Entry("0", datetime.now(UTC), "0", successor="hush"))


class TestForeign:
    """If the path of a file of bds-async holds something else, a run refuses that before a token is sent."""

    @pytest.fixture(params=["pipe", "link", "folder"])
    def put(self, request):
        def put(path: Path) -> None:
            match request.param:
                case "pipe":
                    os.mkfifo(path)
                case "link":
                    (path.parent / "victim").write_text("untouched")
                    path.symlink_to("victim")
                case "folder":
                    path.mkdir()

        return put

    @posix_only
    @pytest.mark.parametrize("name", ["config.json.exchange", "config.json.lock"])
    async def test_beside_a_config(self, store, config_file, put, name):
        put(config_file.parent / name)
        with pytest.raises(ConfigError, match="No token was spent"):
            await exchange(store, "second")
        victim = config_file.parent / "victim"
        assert not victim.exists() or victim.read_text() == "untouched"
        assert stored(config_file) == "first"

    @posix_only
    async def test_the_file_at_fault_is_named(self, store, config_file):
        (config_file.parent / "config.json.exchange").symlink_to("x")
        async with store.custody() as custody:
            with pytest.raises(ConfigError, match=r"exchange is not a file of bds-async \(it is a symbolic link\)"):
                custody.prove_writable()

    @posix_only
    async def test_beside_a_token_file(self, tmp_path, put):
        put(tmp_path / "token.provided")
        store = TokenStore(TokenFileHome(tmp_path / "token"), Provided(SecretStr("given"), "a test"))
        with pytest.raises(ConfigError, match=r"token\.provided is not a file of bds-async"):
            await read(store)

    @posix_only
    async def test_a_pipe_in_place_of_the_token_file_blocks_nothing(self, tmp_path):
        os.mkfifo(tmp_path / "token")
        with pytest.raises(ConfigError, match="token, which holds the refresh token, can't be read: it is no regular"):
            await read(TokenStore(TokenFileHome(tmp_path / "token")))

    @posix_only
    async def test_the_record_of_the_convention_is_left_alone(self, store, config_file, put):
        """Nothing depends on it."""
        put(config_file.parent / "config.json.basic")
        async with store.custody() as custody:
            assert custody.convention in (None, "untouched")
            custody.convention = "plain"
        victim = config_file.parent / "victim"
        assert not victim.exists() or victim.read_text() == "untouched"


class TestDiskFullAfterTheAnswer:
    """The proof found space, but another program used it up during the request."""

    @pytest.fixture
    def full(self, monkeypatch):
        def fails(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return lambda: monkeypatch.setattr(durable, "write_atomically", fails)

    async def test_the_token_waits_in_the_note_and_the_run_goes_on(self, store, config_file, full, monkeypatch, caplog):
        async with store.custody() as custody:
            custody.announce(custody.read())
            full()
            custody.write(SecretStr("second"))
        assert "is kept in" in caplog.text
        assert "second" not in caplog.text
        with pytest.raises(ConfigError, match=r"Until it can, the current one is in .*config\.json\.exchange"):
            await read(store)
        monkeypatch.undo()
        assert await read(store) == "second"
        assert stored(config_file) == "second"

    @pytest.mark.parametrize("fault", ["a short write", "an error"])
    async def test_if_nothing_can_hold_it_the_error_says_that_it_is_lost(self, store, full, monkeypatch, fault):
        def writes(*_):
            if fault == "an error":
                raise OSError(errno.EIO, "x")
            return 0

        async with store.custody() as custody:
            custody.announce(custody.read())
            full()
            monkeypatch.setattr(os, "write", writes)
            with pytest.raises(ConfigError, match=r"no space left.*the next one is lost: run `bds-async login`"):
                custody.write(SecretStr("second"))

    async def test_a_journal_that_may_not_reach_the_disk_stops_the_run_and_is_used_by_the_next(
        self, store, config_file, full, monkeypatch
    ):
        """The token is not lost: it is in the journal, unless the machine restarts first."""
        async with store.custody() as custody:
            custody.announce(custody.read())
            full()
            monkeypatch.setattr(durable, "fsync_file", durable.write_atomically)
            with pytest.raises(
                ConfigError, match=r"The next one is in .*json\.exchange, and a later run takes it"
            ) as caught:
                custody.write(SecretStr("second"))
        assert "lost:" not in str(caught.value)
        monkeypatch.undo()
        assert await read(store) == "second"
        assert stored(config_file) == "second"


class TestLock:
    async def test_one_at_a_time_and_the_event_loop_goes_on_meanwhile(self, store, config_file):
        other = store_for(Config.load(config_file, {}))
        async with store.custody():
            waiting = asyncio.create_task(other.take())
            for _ in range(5):
                await asyncio.sleep(0.01)
            assert not waiting.done()
        (await waiting).release()

    async def test_it_can_be_released_from_another_thread(self, store):
        custody = await store.take()
        await asyncio.to_thread(custody.release)
        (await store.take()).release()

    async def test_whoever_waits_long_is_told_what_for(self, store, config_file, monkeypatch, caplog):
        monkeypatch.setattr(token_lock, "NOTICE", 0.0)
        caplog.set_level(logging.WARNING)
        async with store.custody():
            waiting = asyncio.create_task(store.take())
            for _ in range(1000):
                await asyncio.sleep(0.01)
                if caplog.records:
                    break
        (await waiting).release()
        assert caplog.messages == [
            f"Waiting for another process that is exchanging the refresh token ({config_file}.lock)."
        ]

    async def test_patience_ends(self, store, config_file, monkeypatch):
        monkeypatch.setattr(token_lock, "PATIENCE", 0.0)
        async with store.custody():
            with pytest.raises(
                CredentialsBusy, match=r"config.json.lock for 0 seconds; find the process that hangs"
            ) as caught:
                await store.take()
        assert caught.value.exit_code == 75

    async def test_a_lock_that_can_not_be_made_is_an_error_with_the_way_out(self, store, config_file):
        (config_file.parent / "config.json.lock").mkdir()
        with pytest.raises(ConfigError, match=r"it is no regular file\); remove it\. No token was spent"):
            await store.take()

    @posix_only
    async def test_a_holder_that_is_killed_does_not_block_the_next_one(self, store, config_file):
        script = (
            "import asyncio, sys; from pathlib import Path; from bds_async.brightspace.token_store.lock import locked\n"
            "lock = asyncio.run(locked(Path(sys.argv[1]))); print('held', flush=True); sys.stdin.read()"
        )
        environ = {**os.environ, "PYTHONPATH": str(Path(bds_async.__file__).parent.parent)}
        holder = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", script, str(config_file)], stdin=PIPE, stdout=PIPE, env=environ
        )
        assert await holder.stdout.readline() == b"held\n"
        waiting = asyncio.create_task(store.take())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        holder.kill()
        (await waiting).release()
        await holder.communicate()
