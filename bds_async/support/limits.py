"""Limits of this machine that any call can hit: open files, threads, memory, the working directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from ..errors import MachineLimit

#: Errors of a machine that has run out of file descriptors, or of memory for sockets.
_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, getattr(errno, "WSAEMFILE", errno.EMFILE)})
_NO_FILE = (
    "This machine can't open another file or connection ({reason}); raise the limit of open files (`ulimit -n`), "
    "or lower `workers`."
)
_NO_THREAD = (
    "This machine can't start another thread or process; raise the limit of processes (`ulimit -u`, or the pids limit "
    "of the container)."
)
_NO_MEMORY = "This machine has no memory left for bds-async; free some, raise the limit, or lower `workers`."
_NO_FOLDER = "The working directory has been removed; change to a folder that exists, then run again."


def machine_limit(error: BaseException) -> MachineLimit | None:
    """The limit that caused an exception, one in its group, or one that it was raised from; None if no limit did."""
    for each in _all(error):
        if isinstance(each, OSError) and each.errno in _FILES:
            return MachineLimit(_NO_FILE.format(reason=os.strerror(each.errno or 0)))
        if isinstance(each, RuntimeError) and "thread" in str(each) and "start" in str(each):
            return MachineLimit(_NO_THREAD)
        if isinstance(each, BlockingIOError) and each.filename is None and each.errno == errno.EAGAIN:
            return MachineLimit(_NO_THREAD)
        if isinstance(each, MemoryError) or (isinstance(each, OSError) and each.errno == errno.ENOMEM):
            return MachineLimit(_NO_MEMORY)
        if isinstance(each, FileNotFoundError) and _has_no_folder():
            return MachineLimit(_NO_FOLDER)
    return None


def _all(error: BaseException | None) -> Iterator[BaseException]:
    """The exceptions of a group, and those that each was raised from."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _all(inner)
        error = error.__cause__


def _has_no_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return True
    return False
