"""Durable, atomic file writing, for the refresh token, published extracts and reports."""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .log import event

logger = logging.getLogger(__name__)

#: Errors that mean that a file system does not support a call.
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY})
_NOT_DURABLE = "cannot bring writes to the disk at once, so a power cut may lose the last ones"
#: The faults that have been logged.
_logged: set[str] = set()
#: Seconds for which a rename is retried on Windows, where a virus scanner or a loader may hold the file.
REPLACE_PATIENCE = 3.0
#: Files or folders that are synced at a time: a disk takes many requests as fast as one.
SYNCS = 32
#: Seconds: for faster syncs, threads would cost more than they save.
QUICK = 0.001
_threads = ThreadPoolExecutor(SYNCS, thread_name_prefix="sync")


def fsync_file(path: Path) -> None:
    """Flush a file's content to the disk (fsync). Raises OSError.

    macOS needs F_FULLFSYNC, since its fsync stops at the drive's cache.
    """
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _fsync(descriptor, path)
    finally:
        os.close(descriptor)


def fsync_folder(path: Path) -> None:
    """Flush the names in a folder to the disk (POSIX only; elsewhere the file system does it)."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        _tolerate(error, _UNSUPPORTED | {errno.EACCES, errno.EPERM}, path, _NOT_DURABLE)
        return
    try:
        _fsync(descriptor, path)
    finally:
        os.close(descriptor)


def fsync_many(files: Iterable[Path] = (), folders: Iterable[Path] = ()) -> None:
    """Flush files to the disk, then the names in folders; raises OSError."""
    _sync_each(fsync_file, files)
    _sync_each(fsync_folder, folders)


def _sync_each(sync: Callable[[Path], None], paths: Iterable[Path]) -> None:
    """Sync one path after another while the disk is quick, then several at a time."""
    rest = iter(paths)
    for path in rest:
        began = time.perf_counter()
        sync(path)
        if time.perf_counter() - began > QUICK:
            break
    list(_threads.map(sync, rest))


def make_folders(path: Path) -> None:
    """Create a folder and its missing parents durably; raises OSError."""
    missing = list(itertools.takewhile(lambda each: not each.is_dir(), (path, *path.parents)))
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        fsync_folder(each.parent)


def replace(source: Path, target: Path) -> None:
    """Rename `source` to `target` durably, replacing an existing file; raises OSError."""
    rename(source, target)
    fsync_folder(target.parent)


def rename(source: Path, target: Path) -> None:
    """Rename `source` to `target`, replacing an existing file, without a sync of the folder. Raises OSError.

    On Windows, if another program holds the file, the rename is retried for REPLACE_PATIENCE.
    """
    deadline = time.monotonic() + REPLACE_PATIENCE
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a whole file or nothing: temporary file beside it, fsync, rename, fsync of the folder; raises OSError.

    The new file has the permissions `mode`, regardless of the umask, and the owner of the file that it replaces, if
    that is allowed. A symbolic link stays one: its target is replaced.
    """
    target = real_path(path)
    temporary = _write_temporary(target, content, mode)
    try:
        replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def real_path(path: Path) -> Path:
    """Where a file is or would be, with every link followed; raises OSError (ELOOP) if the links form a loop."""
    # Before Python 3.13, Path.resolve() raises RuntimeError for a loop.
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def rewrite(path: Path, content: bytes) -> None:
    """Rewrite a file's unchanged content by the same steps that write a new one; raises OSError.

    Only this reveals a single mounted file, a full disk or a read-only disk before it matters. If the file did not
    exist, it does not exist afterwards.
    """
    exists = path.exists()
    write_atomically(path, content)
    if not exists:
        path.unlink()


def keep_owner(path: Path, like: Path) -> None:
    """Give `path` the owner of `like`, if both exist and it is allowed (POSIX only).

    Otherwise, after root rewrites a file, the user of a scheduled job could not read it.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            owner = like.stat()
            os.chown(path, owner.st_uid, owner.st_gid)


def _write_temporary(target: Path, content: bytes, mode: int) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if sys.platform != "win32":
                _set_mode(file.fileno(), mode, target)
            file.write(content)
            file.flush()
            _fsync(file.fileno(), target)
        keep_owner(Path(name), target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name)


def _set_mode(descriptor: int, mode: int, path: Path) -> None:
    """Set the mode of a new file, which is 0600 at first; tolerate refusals, as by FAT and another user's share."""
    try:
        os.fchmod(descriptor, mode)
    except OSError as error:
        _tolerate(error, _UNSUPPORTED | {errno.EACCES, errno.EPERM}, path, "does not let file modes be set")


def _fsync(descriptor: int, path: Path) -> None:
    if sys.platform == "darwin" and _is_fully_synced(descriptor):
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        _tolerate(error, _UNSUPPORTED, path, _NOT_DURABLE)


def _is_fully_synced(descriptor: int) -> bool:
    """Try F_FULLFSYNC (macOS); False if it is not supported, as on SMB shares, where a plain fsync has to do."""
    import fcntl

    try:
        fcntl.fcntl(descriptor, getattr(fcntl, "F_FULLFSYNC", 51))
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return False
    return True


def _tolerate(error: OSError, tolerated: Set[int], path: Path, what: str) -> None:
    """Log, once for each kind of fault, that an optional call is not supported; raise any other error."""
    if error.errno not in tolerated:
        raise error
    if what not in _logged:
        _logged.add(what)
        text = "The file system of %s %s (%s). Going on without."
        logger.warning(text, path, what, error.strerror, extra=event("disk.unsupported", path=path))
