"""Flushing many files to the disk."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bds_async.support import durable


@pytest.mark.parametrize("slow", [set[int](), {0}, {7}, {19}, set(range(20))])
def test_each_file_and_folder_is_synced_once_on_quick_and_slow_disks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: set[int]
) -> None:
    """Files come before the folders that name them."""
    synced: list[str] = []

    def sync(path: Path) -> None:
        if int(path.name) in slow:
            time.sleep(2 * durable.QUICK)
        synced.append(str(path))

    monkeypatch.setattr(durable, "fsync_file", sync)
    monkeypatch.setattr(durable, "fsync_folder", sync)
    files, folders = ([tmp_path / kind / str(number) for number in range(20)] for kind in ("file", "folder"))
    durable.fsync_many(files=files, folders=folders)
    assert (sorted(synced[:20]), sorted(synced[20:])) == (sorted(map(str, files)), sorted(map(str, folders)))


@pytest.mark.parametrize("number", [0, 5])
def test_a_sync_that_fails_is_an_error(tmp_path: Path, number: int) -> None:
    files = [tmp_path / str(each) for each in range(6)]
    for each in files:
        each.write_bytes(b"")
    files[number].unlink()
    with pytest.raises(FileNotFoundError):
        durable.fsync_many(files=files)
