"""Small file systems that tests fill, make read-only and unmount. They need Linux, and the right to mount."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

#: The ioctl that shuts ext4 down at once (fs/ext4/ext4.h), and its flag.
EXT4_IOC_SHUTDOWN, WITHOUT_FLUSHING = 0x8004587D, 2
#: How often to try while a file system is still in use.
TRIES = 200


class Disk:
    """A mounted file system; the destination is a folder on it."""

    def __init__(self, path: Path, image: Path | None = None) -> None:
        self.path = path
        self.to = path / "to"
        self._image = image

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.path).free

    def resize(self, size: int) -> None:
        """Give a file system in memory another size."""
        run("mount", "-o", f"remount,size={size}", str(self.path))

    def fill(self, leave: int = 0) -> None:
        """Fill everything except `leave` bytes."""
        with (self.path / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while self.free > leave:
                file.write(b"x" * 4096)

    def make_room(self) -> None:
        """Remove what `fill` wrote."""
        (self.path / "filler").unlink()

    def make_read_only(self) -> None:
        """Make it read-only even if files are open for writing, as the kernel does when a disk fails."""
        name = Path(run("findmnt", "-n", "-o", "SOURCE", str(self.path))).name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test")

    def write_out(self) -> None:
        """Write everything that the system still has in memory to this disk, as it does by itself at times."""
        run("sync", "--file-system", str(self.path))

    def cut_power(self) -> None:
        """Lose all data that is not on the disk yet, as in a power cut, and mount the rest.

        First, processes that use it get I/O errors; all of them must have ended.
        """
        import fcntl

        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        finally:
            os.close(folder)
        run("umount", str(self.path))
        self._let_go()
        self.mount()

    def _let_go(self) -> None:
        """Wait until it is mounted nowhere: in a mount namespace of another test it would stay, and stay shut down."""
        for _ in range(TRIES):
            if not run("losetup", "--associated", str(self._image)):
                return
            time.sleep(0.1)
        raise TimeoutError(f"{self._image} is still mounted somewhere")

    def mount(self) -> None:
        """Mount the image of the file system."""
        run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.path))

    def take_away(self) -> None:
        """Unmount it at once, even if it is in use: the path then leads to the empty folder below."""
        run("umount", "--lazy", str(self.path))


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def in_memory(path: Path, size: int) -> Iterator[Disk]:
    """A file system in memory; skips the test if mounting is not allowed."""
    path.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs Linux and the right to mount")
    try:
        yield Disk(path)
    finally:
        unmounted(path)


@contextmanager
def on_a_device(path: Path, size: int) -> Iterator[Disk]:
    """An ext4 on a loop device, which becomes read-only on its first error; skips the test if there is none."""
    path.mkdir()
    image = path.with_suffix(".img")
    image.write_bytes(b"")
    os.truncate(image, size)
    try:
        run("mkfs.ext4", "-q", str(image))
        disk = Disk(path, image)
        disk.mount()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs Linux, ext4, loop devices and the right to mount")
    try:
        yield disk
    finally:
        unmounted(path)


def unmounted(path: Path) -> None:
    for _ in range(TRIES):
        if not path.is_mount():
            return
        subprocess.run(["umount", str(path)], check=False, capture_output=True)
        time.sleep(0.1)
    run("umount", "--lazy", str(path))
