"""The destination folder is created privately and durably, locked for one run, and its errors say what to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bds_async.errors import DestinationError, FolderBusy
from bds_async.support.durable import make_folders
from bds_async.workspace import free_space, workspace_of, writing_to
from tests.support.places import folder_lock, ledger_path, partial_folder, prepared, state_folder

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
HOLD = """
import sys, pathlib
from tests.support.places import folder_lock
lock = folder_lock(pathlib.Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def hold_elsewhere(folder: Path) -> subprocess.Popen[bytes]:
    """Start another process that holds the folder's lock until its stdin closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"held"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_everything_but_extracts_lies_in_one_folder(tmp_path: Path) -> None:
    for part in (partial_folder(tmp_path), ledger_path(tmp_path), workspace_of(tmp_path).lock):
        assert part.parent.is_relative_to(state_folder(tmp_path))
    assert state_folder(tmp_path) == tmp_path / ".bds-async"


@posix_only
def test_the_state_is_private_and_the_folder_follows_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    umask = os.umask(0o022)
    try:
        prepared(folder)
    finally:
        os.umask(umask)
    assert mode_of(state_folder(folder)) == 0o700
    assert mode_of(folder) == 0o755
    assert partial_folder(folder).is_dir()


@posix_only
def test_a_state_folder_that_others_may_read_is_closed(tmp_path: Path) -> None:
    state_folder(tmp_path).mkdir(mode=0o755)
    prepared(tmp_path)
    assert mode_of(state_folder(tmp_path)) == 0o700


@posix_only
def test_a_file_system_without_modes_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network mounts refuse every chmod."""

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "no modes here", str(path))

    state_folder(tmp_path).mkdir(mode=0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    prepared(tmp_path)
    assert partial_folder(tmp_path).is_dir()


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_may_not_be_written_is_said_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DestinationError, match="cannot be written"):
            prepared(tmp_path / "data")
    finally:
        tmp_path.chmod(0o700)


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    prepared(tmp_path)
    (partial_folder(tmp_path) / "kept").write_bytes(b"x")
    prepared(tmp_path)
    assert (partial_folder(tmp_path) / "kept").read_bytes() == b"x"


def test_a_file_in_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    for folder in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(DestinationError, match="not a folder"):
            prepared(folder)


def test_missing_parents_are_made(tmp_path: Path) -> None:
    make_folders(tmp_path / "a" / "b" / "c")
    make_folders(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_free_space_is_known_before_the_folder_is_there(tmp_path: Path) -> None:
    assert (free_space(tmp_path / "not" / "yet") or 0) > 0


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "is full: make room"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.ENOENT, "is gone"),
        (errno.EXDEV, "several file systems"),
        (errno.EFBIG, "no files of that size"),
        (errno.EIO, "check the disk"),
    ],
)
def test_each_fault_of_the_disk_names_the_folder_and_the_way_out(tmp_path: Path, number: int, advice: str) -> None:
    with pytest.raises(DestinationError, match=advice) as caught, writing_to(partial_folder(tmp_path)):
        raise OSError(number, os.strerror(number), "somewhere")
    assert f"The folder {tmp_path} " in str(caught.value)
    assert caught.value.exit_code == 6


def test_a_closed_state_folder_is_named_and_not_the_destination(tmp_path: Path) -> None:
    with pytest.raises(DestinationError) as caught, writing_to(partial_folder(tmp_path)):
        raise PermissionError(errno.EACCES, "Permission denied", str(state_folder(tmp_path) / "lock"))
    assert f"The folder {state_folder(tmp_path)} cannot be written" in str(caught.value)


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(KeyError), writing_to(tmp_path):
        raise KeyError("x")


def test_a_second_run_in_this_process_is_turned_away(tmp_path: Path) -> None:
    prepared(tmp_path)
    with folder_lock(tmp_path):
        with pytest.raises(FolderBusy, match="Another run holds") as caught:
            folder_lock(tmp_path).acquire()
        assert caught.value.exit_code == 75
    with folder_lock(tmp_path):
        pass


def test_a_second_process_is_turned_away_until_the_first_one_dies(tmp_path: Path) -> None:
    """A killed run leaves the file of the lock behind, but not the lock."""
    prepared(tmp_path)
    other = hold_elsewhere(tmp_path)
    try:
        with pytest.raises(FolderBusy):
            folder_lock(tmp_path).acquire()
    finally:
        end(other)
    with folder_lock(tmp_path):
        assert workspace_of(tmp_path).lock.exists()


def test_a_lock_may_be_freed_in_another_thread(tmp_path: Path) -> None:
    prepared(tmp_path)
    lock = folder_lock(tmp_path)
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    with folder_lock(tmp_path):
        pass


def test_a_lock_that_cannot_be_taken_is_a_fault_of_the_destination(tmp_path: Path) -> None:
    state_folder(tmp_path).write_text("a file where a folder belongs")
    with pytest.raises(DestinationError, match="not a folder"):
        folder_lock(tmp_path).acquire()
