"""What schedulers and containers may take away: readers, disks, the working directory, files, threads."""

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
from tests.support.commands import ENVIRON, Done, bds
from tests.support.given_streams import FULL, bds_onto, full_device, without_a_reader

pytestmark = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="written for bash")
SMALL = SandboxSettings(data_sets=2, scale=0.01)


async def by_bash(line: str, *arguments: object) -> tuple[int, str, str]:
    """Run a line of bash, in which `$bds` is the command and `$1`… are the arguments."""
    environ = {**ENVIRON, "bds": f"{sys.executable} -m bds_async", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = ["bash", "-c", line, "bash", *map(str, arguments)]
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environ)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("where", ["full", "without a reader", "closed"])
async def test_a_stderr_that_can_not_be_written_changes_no_exit_code(tmp_path: Path, where: str) -> None:
    """A pull that delivers ends with 0, a refused one with 2."""
    async with Sandbox(SMALL) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        for arguments, code in ((["pull", "--to", "d"], 0), (["pull", "--to", "d", "--data-set", "None"], 2)):
            assert await silenced(arguments, tmp_path, where) == code
    assert len(list((tmp_path / "d").rglob("*.zip"))) == 2


async def silenced(arguments: list[str], cwd: Path, where: str) -> int:
    """The exit code of a command with a stderr that cannot be written."""
    if where == "closed":
        return (await by_bash(f'cd "$1"; $bds {" ".join(arguments)} 2>&-', cwd))[0]
    with full_device() if where == "full" else without_a_reader() as stderr:
        return (await bds_onto(*arguments, cwd=cwd, stderr=stderr)).code


async def test_a_working_directory_that_was_removed_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code, out, err = await by_bash('cd "$1" && rmdir "$1" && $bds pull', folder)
    names_the_working_directory(Done(code, out, err))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="enters a removed folder by /proc")
@pytest.mark.parametrize("command", ["pull --config /nowhere/config.json", "list", "doctor", "verify"])
async def test_whichever_command_is_run_there(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    held = os.open(folder, os.O_RDONLY)
    folder.rmdir()
    try:
        names_the_working_directory(await bds(*command.split(), cwd=Path(f"/proc/{os.getpid()}/fd/{held}")))
    finally:
        os.close(held)


def names_the_working_directory(done: Done) -> None:
    assert "defect" not in done.err + done.out
    assert "Traceback" not in done.err
    assert done.code in (2, 6)
    if done.code == 6:
        assert "working directory has been removed" in done.err + done.out


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
