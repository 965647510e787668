"""A config from a pipe: it is read once, and for a token in it there is no file to store the next one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import ENVIRON, Done, bds, starting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
ONE = SandboxSettings(data_sets=1, scale=0.01)


async def with_config_on_stdin(config: bytes, *arguments: object) -> Done:
    """Run a command that gets its config through a pipe on stdin."""
    async with starting(*arguments, "--config", "/dev/stdin") as running:
        out, err = await running.process.communicate(config)
        return Done(await running.process.wait(), out.decode(), err.decode())


async def test_a_token_in_it_is_exit_2_and_names_token_file(tmp_path: Path) -> None:
    async with Sandbox(ONE) as sandbox:
        config = json.dumps(sandbox.config()).encode()
        done = await with_config_on_stdin(config, "pull", "--to", tmp_path / "d")
        assert (done.code, sandbox.counters.exchanges) == (2, 0)
    assert "which is a pipe" in done.err
    assert "set token_file" in done.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="process substitution is bash's")
async def test_with_a_token_file_it_works(tmp_path: Path) -> None:
    """With bash's process substitution, and again with a pipe to stdin."""
    async with Sandbox(ONE) as sandbox:
        config = json.dumps({**sandbox.config(), "token_file": str(tmp_path / "token")})
        (tmp_path / "config.json").write_text(config)
        line = f'{sys.executable} -m bds_async pull --config <(cat "$1") --to "$2"'
        command = ["bash", "-c", line, "bash", str(tmp_path / "config.json"), str(tmp_path / "d")]
        process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=ENVIRON)
        _, err = await process.communicate()
        assert process.returncode == 0, err
        done = await with_config_on_stdin(config.encode(), "pull", "--to", tmp_path / "d")
        assert done.code == 0, done.err
        assert sandbox.is_live((tmp_path / "token").read_text().strip())


async def test_doctor_reads_a_named_pipe_once_and_says_what_a_run_would(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with Sandbox(ONE) as sandbox:
        writer = asyncio.create_task(asyncio.to_thread(pipe.write_text, json.dumps(sandbox.config())))
        done = await bds("doctor", "--config", pipe, "--to", tmp_path / "d")
        await writer
        assert (done.code, sandbox.counters.exchanges) == (2, 0)
    assert "ok       config" in done.out
    assert "set token_file" in done.out


async def test_a_named_pipe_without_a_writer_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = await bds("pull", "--config", tmp_path / "pipe", "--to", tmp_path / "d")
    assert done.code == 2
    assert "no program writes to it" in done.err
