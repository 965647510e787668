"""A config from a pipe: read once, and a token in it has no file that the next one could be written to."""

from __future__ import annotations

import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import ENVIRON

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("bash") is None, reason="process substitution is bash's"
)


async def by_bash(line: str, *arguments: object) -> tuple[int, str, str]:
    """Run a line of bash, in which `$bds` is the command and `$1`… are the arguments."""
    environ = {**ENVIRON, "bds": f"{sys.executable} -m bds_async"}
    command = ["bash", "-c", line, "bash", *map(str, arguments)]
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environ)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_token_in_it_is_exit_2_and_names_token_file(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        code, _, err = await by_bash(
            '$bds pull --config <(cat "$1") --to "$2"', tmp_path / "config.json", tmp_path / "d"
        )
        assert (code, sandbox.counters.exchanges) == (2, 0)
    assert "which is a pipe" in err
    assert "set token_file" in err


async def test_with_a_token_file_it_works(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01)) as sandbox:
        config = {**sandbox.config(), "token_file": str(tmp_path / "token")}
        (tmp_path / "config.json").write_text(json.dumps(config))
        for _ in range(2):
            line = '$bds pull --config <(cat "$1") --to "$2"'
            code, _, err = await by_bash(line, tmp_path / "config.json", tmp_path / "d")
            assert code == 0, err
        assert sandbox.is_live((tmp_path / "token").read_text().strip())


async def test_doctor_reads_a_named_pipe_once_and_says_what_a_run_would(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        line = 'cat "$1" >"$2" & $bds doctor --config "$2" --to "$3"'
        code, out, _ = await by_bash(line, tmp_path / "config.json", tmp_path / "pipe", tmp_path / "d")
        assert (code, sandbox.counters.exchanges) == (2, 0)
    assert "ok       config" in out
    assert "set token_file" in out


async def test_a_named_pipe_without_a_writer_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    code, _, err = await by_bash('timeout 60 $bds pull --config "$1" --to "$2"', tmp_path / "pipe", tmp_path / "d")
    assert code == 2
    assert "no program writes to it" in err
