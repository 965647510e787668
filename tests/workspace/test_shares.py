"""File systems that do not support everything: shares, FAT, FUSE. Optional calls have a fallback, locks have none."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from bds_async.brightspace.token_store import store_for
from bds_async.config import Config
from bds_async.errors import DestinationError
from bds_async.support import durable
from bds_async.workspace import FolderLock, ensure_room, free_space, workspace_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX calls")
NOT_SUPPORTED = [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS]


@pytest.fixture(autouse=True)
def unlogged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the process to the state before any log message."""
    monkeypatch.setattr(durable, "_logged", set())


def fails_with(number: int):
    def call(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


class TestFsync:
    @pytest.mark.parametrize("number", NOT_SUPPORTED)
    def test_a_folder_that_can_not_be_synced_is_warned_of_once(self, tmp_path, monkeypatch, caplog, number):
        real = os.fsync

        def fsync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                fails_with(number)()
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        for content in (b"1", b"2"):
            durable.write_atomically(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == b"2"
        assert len(caplog.messages) == 1
        assert "a power cut may lose the last ones" in caplog.messages[0]

    @pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
    def test_a_failed_fsync_stays_an_error(self, tmp_path, monkeypatch, number):
        monkeypatch.setattr(os, "fsync", fails_with(number))
        with pytest.raises(OSError, match=os.strerror(number)):
            durable.write_atomically(tmp_path / "file", b"1")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("number", NOT_SUPPORTED)
    def test_without_f_fullfsync_a_plain_fsync_is_made(self, tmp_path, monkeypatch, number):
        """As on SMB shares on macOS."""
        synced = []
        monkeypatch.setattr("fcntl.fcntl", fails_with(number))
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.setattr(os, "fsync", synced.append)
        durable.write_atomically(tmp_path / "file", b"1")
        assert len(synced) == 2

    def test_a_failed_f_fullfsync_stays_an_error(self, tmp_path, monkeypatch):
        monkeypatch.setattr("fcntl.fcntl", fails_with(errno.EIO))
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            durable.write_atomically(tmp_path / "file", b"1")


class TestModes:
    @pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
    def test_a_mode_that_can_not_be_set_is_warned_of_once(self, tmp_path, monkeypatch, caplog, number):
        monkeypatch.setattr(os, "fchmod", fails_with(number))
        for content in (b"1", b"2"):
            durable.write_atomically(tmp_path / "file", content)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
        assert len(caplog.messages) == 1
        assert "does not let file modes be set" in caplog.messages[0]

    @pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
    def test_a_state_folder_whose_mode_can_not_be_set_is_used(self, tmp_path, monkeypatch, number):
        workspace = workspace_of(tmp_path / "to")
        workspace.state.mkdir(parents=True, mode=0o755)
        monkeypatch.setattr(Path, "chmod", fails_with(number))
        workspace.prepare()
        assert workspace.partials.is_dir()


class TestFreeSpace:
    def test_zero_of_zero_bytes_is_unknown_and_no_reason_to_stop(self, tmp_path, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
        assert free_space(tmp_path) is None
        ensure_room(tmp_path, 10**18, "everything")

    def test_zero_of_some_bytes_is_a_full_disk(self, tmp_path, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
        with pytest.raises(DestinationError, match="No room for"):
            ensure_room(tmp_path, 1, "something")


class TestLocks:
    @pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EACCES])
    def test_a_state_folder_that_can_not_be_locked_is_exit_6_and_nothing_else_stands_in(
        self, tmp_path, monkeypatch, recwarn, number
    ):
        workspace = workspace_of(tmp_path / "to")
        workspace.prepare()
        monkeypatch.setattr("fcntl.flock", fails_with(number))
        for _ in range(2):
            with pytest.raises(DestinationError, match=r"refuses locks.*on a local disk with `state=DIR`") as caught:
                FolderLock(workspace).acquire()
        assert caught.value.exit_code == 6
        assert not list(workspace.state.glob("*lock*"))
        assert not recwarn.list

    async def test_so_is_a_token_that_can_not_be_locked(self, tmp_path, monkeypatch):
        monkeypatch.setattr("fcntl.flock", fails_with(errno.ENOSYS))
        config = Config(
            bspace_url="https://school.example", client_id="x", client_secret="y", token_file=tmp_path / "token"
        )
        with pytest.raises(DestinationError, match=r"refuses locks.*No token was spent\. Set token_file .*local disk"):
            await store_for(config).take()
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
    def test_a_foreign_lock_file_is_exit_6(self, tmp_path, kind):
        workspace = workspace_of(tmp_path / "to")
        workspace.prepare()
        match kind:
            case "link":
                workspace.lock.symlink_to(tmp_path / "victim")
            case "pipe":
                os.mkfifo(workspace.lock)
            case _:
                workspace.lock.mkdir()
        with pytest.raises(DestinationError, match="is not a file of bds-async"):
            FolderLock(workspace).acquire()
        assert not (tmp_path / "victim").exists()


class TestLinkedState:
    def test_a_link_named_bds_async_is_refused_and_its_target_keeps_its_mode(self, tmp_path):
        (tmp_path / "to").mkdir()
        (tmp_path / "home").mkdir(mode=0o755)
        (tmp_path / "to" / ".bds-async").symlink_to(tmp_path / "home")
        with pytest.raises(DestinationError, match=r"is a symbolic link.*`state=DIR`"):
            workspace_of(tmp_path / "to").prepare()
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o755
        assert not list((tmp_path / "home").iterdir())

    def test_a_link_that_state_names_is_followed_and_its_target_keeps_its_mode(self, tmp_path):
        (tmp_path / "disk").mkdir(mode=0o755)
        (tmp_path / "state").symlink_to("disk")
        workspace_of(tmp_path / "to", tmp_path / "state").prepare()
        assert (tmp_path / "disk" / "partial").is_dir()
        assert stat.S_IMODE((tmp_path / "disk").stat().st_mode) == 0o755
