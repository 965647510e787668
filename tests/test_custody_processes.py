"""Many processes, one config: not one of them is refused."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import bds_async
from bds_async.sandbox import Sandbox, SandboxSettings

PROCESSES = 10
#: Exchanges that each process makes; CUSTODY_ROUNDS=20 is the long version.
ROUNDS = int(os.environ.get("CUSTODY_ROUNDS", "3"))
WORKER = Path(__file__).with_name("custody_worker.py")
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(bds_async.__file__).parent.parent)}


async def worker(config_file: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, str(WORKER), "rounds", str(config_file), str(ROUNDS)], stdout=PIPE, stderr=STDOUT, env=ENVIRON
    )
    said = (await process.communicate())[0].decode()
    return process.returncode or 0, said


async def test_ten_processes_at_once_all_succeed_and_none_is_refused(tmp_path):
    config_file = tmp_path / "config.json"
    async with Sandbox(SandboxSettings(data_sets=0)) as sandbox:
        sandbox.write_config(config_file)
        ended = await asyncio.gather(*(worker(config_file) for _ in range(PROCESSES)))
        assert ended == [(0, "")] * PROCESSES
        assert sandbox.counters.refused_exchanges == 0
        assert sandbox.counters.exchanges == PROCESSES * ROUNDS
        assert sandbox.is_live(json.loads(config_file.read_text())["refresh_token"])
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "config.json.lock"}
