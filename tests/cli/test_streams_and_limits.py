"""What a scheduler or a container takes away: readers, disks, the working directory, files, threads."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest

from bds_async.cli.main import _exit_code
from bds_async.sandbox import Sandbox, SandboxSettings
from bds_async.support.limits import machine_limit
from tests.support.commands import ENVIRON

pytestmark = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="written for bash")
SMALL = SandboxSettings(data_sets=2, scale=0.01)
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


async def by_bash(line: str, *arguments: object) -> tuple[int, str, str]:
    """Run a line of bash, in which `$bds` is the command and `$1`… are the arguments."""
    environ = {**ENVIRON, "bds": f"{sys.executable} -m bds_async", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = ["bash", "-c", line, "bash", *map(str, arguments)]
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environ)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@FULL
@pytest.mark.parametrize("where", ["2>/dev/full", "2> >(exec 0<&-; true)", "2>&-"])
async def test_a_stderr_that_can_not_be_written_changes_no_exit_code(tmp_path: Path, where: str) -> None:
    async with Sandbox(SMALL) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        line = f'$bds pull --config "$1" --to "$2" {where}'
        code, _, _ = await by_bash(line, tmp_path / "config.json", tmp_path / "d")
        assert code == 0
        line = f'$bds pull --config "$1" --to "$2" --data-set None {where}'
        code, _, _ = await by_bash(line, tmp_path / "config.json", tmp_path / "d")
        assert code == 2
    assert len(list((tmp_path / "d").rglob("*.zip"))) == 2


@FULL
@pytest.mark.parametrize(("where", "code"), [(">/dev/full", 6), ("| true; exit ${PIPESTATUS[0]}", 0), (">&-", 0)])
async def test_a_stdout_that_can_not_be_written_ends_as_before(tmp_path: Path, where: str, code: int) -> None:
    async with Sandbox(SMALL) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        done, _, err = await by_bash(f'$bds list --config "$1" {where}', tmp_path / "config.json")
    assert (done, "Traceback" in err) == (code, False)


@pytest.mark.parametrize("command", ["pull", "pull --config /nowhere/config.json", "list", "doctor", "verify"])
async def test_a_working_directory_that_was_removed_is_named(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code, out, err = await by_bash(f'cd "$1" && rmdir "$1" && $bds {command}', folder)
    assert "defect" not in err + out
    assert "Traceback" not in err
    assert code in (2, 6)
    if code == 6:
        assert "working directory has been removed" in err + out


async def test_too_few_open_files_are_named(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_sets=20, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        line = 'ulimit -n 16; $bds pull --config "$1" --to "$2"'
        code, _, err = await by_bash(line, tmp_path / "config.json", tmp_path / "d")
    assert "defect" not in err
    assert (code, "ulimit -n" in err) == (6, True), err


class TestMachineLimit:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (RuntimeError("can't start new thread"), "pids limit"),
            (OSError(errno.EMFILE, "x"), "ulimit -n"),
            (OSError(errno.ENFILE, "x"), "ulimit -n"),
            (BlockingIOError(errno.EAGAIN, "x"), "pids limit"),
            (MemoryError(), "memory"),
        ],
    )
    def test_each_limit_has_its_own_words_and_code_6(self, error, words, caplog):
        def fails():
            raise BaseExceptionGroup("unhandled errors", [error])

        assert words in str(machine_limit(error))
        assert _exit_code(fails) == 6
        assert words in caplog.text

    @pytest.mark.parametrize("error", [RuntimeError("loop is closed"), ValueError("x"), OSError(errno.EIO, "x")])
    def test_any_other_exception_is_none(self, error):
        assert machine_limit(error) is None

    def test_a_missing_file_is_none(self):
        with pytest.raises(FileNotFoundError) as caught:
            os.stat("/nowhere")  # noqa: PTH116
        assert machine_limit(caught.value) is None
