"""Many processes, one config: none of them is refused."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import pytest

import bds_async
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support import custody_worker

PROCESSES = 10
#: Exchanges that each process makes; CUSTODY_ROUNDS=20 is the long version.
ROUNDS = int(os.environ.get("CUSTODY_ROUNDS", "3"))
WORKER = Path(custody_worker.__file__)
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(bds_async.__file__).parent.parent)}


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")


async def started(role: str, config_file: Path, *numbers: int) -> Process:
    command = [sys.executable, str(WORKER), role, str(config_file), *map(str, numbers)]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, env=ENVIRON)


async def together(config_file: Path) -> tuple[int, list[str]]:
    """Run all processes at once; return how many failed, and their output; on a busy machine some print a wait."""
    process = await started("together", config_file, ROUNDS, PROCESSES)
    said = (await process.communicate())[0].decode().splitlines()
    return process.returncode or 0, [line for line in said if not line.startswith("Waiting for another process")]


@forks
async def test_ten_processes_at_once_all_succeed_and_none_is_refused(tmp_path):
    config_file = tmp_path / "config.json"
    async with Sandbox(SandboxSettings(data_sets=0)) as sandbox:
        sandbox.write_config(config_file)
        assert await together(config_file) == (0, [])
        assert sandbox.counters.refused_exchanges == 0
        assert sandbox.counters.exchanges == PROCESSES * ROUNDS
        assert sandbox.is_live(json.loads(config_file.read_text())["refresh_token"])
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "config.json.lock"}


@forks
async def test_of_ten_processes_one_sends_the_provided_token_and_the_others_its_successors(tmp_path):
    config_file, home = tmp_path / "config.json", tmp_path / "token"
    async with Sandbox(SandboxSettings(data_sets=0)) as sandbox:
        stored = sandbox.new_refresh_token()
        home.write_text(stored)
        config_file.write_text(json.dumps({**sandbox.config(), "token_file": "token"}))
        config_file.chmod(0o600)
        assert await together(config_file) == (0, [])
        assert (sandbox.counters.exchanges, sandbox.counters.refused_exchanges) == (PROCESSES * ROUNDS, 0)
        assert sandbox.is_live(home.read_text().strip())
        assert sandbox.is_live(stored), "it was not what was sent"


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("signals", [1, 2])
async def test_an_interrupt_during_an_exchange_ends_the_process_after_its_answer_is_stored(tmp_path, signals):
    """Even the second interrupt, which asyncio turns into a KeyboardInterrupt inside its loop."""
    config_file = tmp_path / "config.json"
    async with Sandbox(SandboxSettings(data_sets=0, latency=0.5)) as sandbox:
        sandbox.write_config(config_file)
        before = json.loads(config_file.read_text())["refresh_token"]
        process = await started("rounds", config_file, 1)
        for _ in range(2000):
            await asyncio.sleep(0.01)
            if sandbox.requests:
                break
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.05)
        await process.communicate()
        assert process.returncode == -signal.SIGINT
        assert not sandbox.is_live(before)
        assert sandbox.is_live(json.loads(config_file.read_text())["refresh_token"])
