"""Token files that really cannot be written: read-only and full file systems, a single mounted file, another user's."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

import bds_async
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support import custody_worker

WORKER = Path(custody_worker.__file__)
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(bds_async.__file__).parent.parent)}
NOBODY = 65534


async def output(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, env=ENVIRON)
    said = (await process.communicate())[0].decode()
    return process.returncode or 0, said


@pytest.fixture
async def mounts():
    """A command prefix that enters a new mount namespace, if that is allowed."""
    if shutil.which("unshare") is None:
        pytest.skip("needs Linux and unshare")
    for way in (["unshare", "-m"], ["unshare", "-rm"]):
        if (await output(*way, "mount", "-t", "tmpfs", "tmpfs", "/mnt"))[0] == 0:
            return way
    pytest.skip("mount namespaces are not allowed here")


@pytest.fixture
def folder():
    """A folder that, unlike tmp_path, every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=0)) as running:
        yield running


async def exchange(mounts: list[str], prepared: str, config_file: Path) -> str:
    """Exchange once, after mounting; return the output of the command, which must be a config error."""
    worker = f'exec "{sys.executable}" "{WORKER}" once "{config_file}" 0'
    code, said = await output(*mounts, "sh", "-ec", f'cd "{config_file.parent}"; {prepared}; {worker}')
    assert code == 2, said
    assert "Traceback" not in said
    return said


def assert_no_token_was_spent(sandbox: Sandbox, config_file: Path) -> None:
    assert not sandbox.requests
    assert sandbox.is_live(json.loads(config_file.read_text())["refresh_token"])


@pytest.mark.parametrize(
    ("prepared", "reason"),
    [
        ("mount --bind config.json config.json", "mounted as a single file"),
        ("mount --bind . . && mount -o remount,ro,bind . && cd .", "the file system is read-only"),
    ],
)
async def test_a_mount_that_can_not_be_written_is_found_before_a_token_is_spent(
    sandbox, folder, mounts, prepared, reason
):
    config_file = folder / "config.json"
    sandbox.write_config(config_file)
    said = await exchange(mounts, prepared, config_file)
    assert reason in said
    assert "No token was spent. Set token_file (or BDS_TOKEN_FILE)" in said
    assert_no_token_was_spent(sandbox, config_file)


async def test_a_full_disk_is_found_before_a_token_is_spent(sandbox, folder, mounts):
    sandbox.write_config(folder / "config.json")
    (folder / "disk").mkdir()
    full = "mount -t tmpfs -o size=16k tmpfs . && cd . && cp ../config.json . && (cat /dev/zero >filler || true) 2>&-"
    said = await exchange(mounts, full, folder / "disk" / "config.json")
    assert "there is no space left. No token was spent" in said
    assert_no_token_was_spent(sandbox, folder / "config.json")


async def test_the_way_out_works_a_single_mounted_config_with_a_token_file(sandbox, folder, mounts):
    """The second of two processes sends what the first one stored."""
    sandbox.write_config(folder / "config.json")
    config = json.loads((folder / "config.json").read_text())
    (folder / "state").mkdir()
    (folder / "config.json").write_text(json.dumps({**config, "token_file": "state/token"}))
    for _ in range(2):
        worker = [sys.executable, str(WORKER), "once", str(folder / "config.json"), "0"]
        mounted = f'mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec {" ".join(worker)}'
        assert await output(*mounts, "sh", "-ec", mounted, str(folder / "config.json")) == (0, "")
    assert sandbox.counters.exchanges == 2
    assert sandbox.is_live((folder / "state" / "token").read_text().strip())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
async def test_a_folder_of_somebody_else_is_found_before_a_token_is_spent(sandbox, folder):
    config_file = folder / "config.json"
    sandbox.write_config(config_file)
    config_file.chmod(0o644)
    code, said = await output(sys.executable, str(WORKER), "once", str(config_file), str(NOBODY))
    assert (code, "it can't be written there. No token was spent" in said) == (2, True), said
    assert_no_token_was_spent(sandbox, config_file)
