"""A process that is killed at any moment of an exchange loses a token only together with its answer."""

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

import pytest
from pydantic import SecretStr
from yarl import URL

import bds_async
from bds_async.brightspace.token_store import TokenStore, store_for
from bds_async.config import Config
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support import custody_worker

#: Number of kills; CUSTODY_KILLS=2000 is the long version, CUSTODY_SEED sets another seed.
KILLS = int(os.environ.get("CUSTODY_KILLS", "60"))
CHANCE = random.Random(int(os.environ.get("CUSTODY_SEED", "3")))
#: Most seconds before a child is killed: several exchanges, counted from its first instant.
LONGEST_LIFE = 0.06
WORKER = Path(custody_worker.__file__)
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(bds_async.__file__).parent.parent)}


# What a kill did to the token:
#   unharmed             no exchange was under way, or its token was not spent yet: the stored token lives
#   recovered            the answer had reached the process and was not stored yet: found again, nothing lost
#   lost_on_the_way      the auth service answered when the process was dead: no client can have that token
#   lost_in_the_process  the auth service had answered and the process had not noted it yet: the client's own window
FATES = ("unharmed", "recovered", "lost_on_the_way", "lost_in_the_process")


async def killed_child(nursery: Process, sandbox: Sandbox) -> int:
    """Let a child exchange for a while, then kill it; return how many exchanges had been answered by then."""
    nursery.stdin.write(b"\n")
    pid = int(await nursery.stdout.readline())
    await asyncio.sleep(CHANCE.uniform(0, LONGEST_LIFE))
    answered = sandbox.counters.exchanges
    os.kill(pid, signal.SIGKILL)
    assert int(await nursery.stdout.readline()) == signal.SIGKILL, "the child ended before it was killed"
    await all_is_handled(sandbox)
    return answered


async def all_is_handled(sandbox: Sandbox) -> None:
    """Wait until the auth service has handled all that a killed child had sent, so that no token is spent later."""
    auth = URL(sandbox.auth_url)
    # Connections are accepted in order, so all earlier ones are known once this one is answered.
    reader, writer = await asyncio.open_connection(auth.host, auth.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await reader.read()
    writer.close()
    runner = sandbox._origins["auth"]._runner
    assert runner is not None
    assert runner.server is not None
    while runner.server.connections:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def content(config_file: Path) -> dict[str, str]:
    return json.loads(config_file.read_text())


async def examine(sandbox: Sandbox, store: TokenStore, known: set[str], answered: int) -> str:
    """Examine what a killed process left, as the next process does; replace a lost token, as `login` would.

    `known` are the tokens that are visible without reading the note.
    """
    async with store.custody() as custody:
        token = custody.read().get_secret_value()
        if sandbox.is_live(token):
            return "unharmed" if token in known else "recovered"
        assert custody.in_doubt_since is not None, "a token died and nothing says why"
        custody.prove_writable()
        custody.write(SecretStr(sandbox.new_refresh_token()))
    return "lost_in_the_process" if sandbox.counters.exchanges == answered else "lost_on_the_way"


@pytest.mark.crash
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
async def test_a_kill_loses_a_token_only_together_with_its_answer(tmp_path, record_property):
    """A token that reached the process is recovered; a lost one is known to be in doubt; nothing else changes."""
    config_file, fates = tmp_path / "config.json", Counter(dict.fromkeys(FATES, 0))
    async with Sandbox(SandboxSettings(data_sets=0)) as sandbox:
        sandbox.write_config(config_file)
        store = store_for(Config.load(config_file, {}))
        nursery = await asyncio.create_subprocess_exec(
            *[sys.executable, str(WORKER), "nursery", str(config_file)], stdin=PIPE, stdout=PIPE, env=ENVIRON
        )
        for _ in range(KILLS):
            answered = await killed_child(nursery, sandbox)
            before = content(config_file)
            assert list(before) == ["bspace_url", "client_id", "client_secret", "refresh_token", "auth_service"]
            fates[await examine(sandbox, store, {before["refresh_token"]}, answered)] += 1
        await nursery.communicate(b"")
        record_property("custody", f"{KILLS} kills in {sandbox.counters.exchanges} exchanges: {dict(fates)}")
        print(f"{KILLS} kills in {sandbox.counters.exchanges} exchanges: {dict(fates)}")
    assert sandbox.counters.refused_exchanges == 0
    left = {path.name for path in tmp_path.iterdir()} - {"config.json.exchange"}
    assert left == {"config.json", "config.json.lock"}


def provide(sandbox: Sandbox, config_file: Path) -> str:
    """Sometimes provide another token beside the token file; return the provided token."""
    keys = content(config_file)
    if CHANCE.random() < 0.5:
        keys["refresh_token"] = sandbox.new_refresh_token()
        config_file.write_text(json.dumps({**keys, "token_file": "token"}))
    return keys["refresh_token"]


@pytest.mark.crash
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
async def test_a_kill_loses_a_provided_token_only_together_with_its_answer(tmp_path, record_property):
    """This holds for the provided and the stored token; an accepted provided token is never sent again."""
    config_file, home, fates = tmp_path / "config.json", tmp_path / "token", Counter(dict.fromkeys(FATES, 0))
    async with Sandbox(SandboxSettings(data_sets=0)) as sandbox:
        sandbox.write_config(config_file)
        home.write_text(sandbox.new_refresh_token())
        config_file.write_text(json.dumps({**content(config_file), "token_file": "token"}))
        nursery = await asyncio.create_subprocess_exec(
            *[sys.executable, str(WORKER), "nursery", str(config_file)], stdin=PIPE, stdout=PIPE, env=ENVIRON
        )
        for _ in range(KILLS):
            known = {provide(sandbox, config_file)}
            answered = await killed_child(nursery, sandbox)
            known.add(home.read_text().strip())
            fates[await examine(sandbox, store_for(Config.load(config_file, {})), known, answered)] += 1
        await nursery.communicate(b"")
        record_property("custody", f"{KILLS} kills in {sandbox.counters.exchanges} exchanges: {dict(fates)}")
        print(f"{KILLS} kills in {sandbox.counters.exchanges} exchanges: {dict(fates)}")
    assert sandbox.counters.refused_exchanges == 0
    left = {path.name for path in tmp_path.iterdir()} - {"token.exchange"}
    assert left == {"config.json", "token", "token.lock", "token.provided"}
