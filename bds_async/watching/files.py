"""Files that a run writes at its end: the report and the metrics."""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from pathlib import Path

from ..errors import ConfigError, DestinationError
from ..support import durable
from ..support.patience import Patience

#: Seconds between two checks of the time limit while waiting for the reader of a pipe.
_STEP = 0.1


def demand_writable(path: Path, what: str) -> None:
    """Raise ConfigError if a file cannot be written. A pipe or a device is tried only at the end."""
    try:
        folder = durable.real_path(path).parent
        if is_special(path) or (folder.is_dir() and os.access(folder, os.W_OK)):
            return
    except OSError as error:
        raise ConfigError(f"The {what} {path} can't be written: {error.strerror}.") from None
    fault = "is not a writable folder" if folder.exists() else "does not exist"
    raise ConfigError(f"The {what} {path} can't be written: {folder} {fault}.")


def is_special(path: Path) -> bool:
    """Whether a path exists and is not a regular file, but a pipe or a device, for example; may raise OSError."""
    return path.exists() and not path.is_file()


def write(path: Path, text: str, what: str, patience: Patience | None = None) -> None:
    """Write a file atomically, or directly into a pipe or a device. Raises DestinationError."""
    try:
        # A rename would replace /dev/null with a file, which root is allowed to do.
        if is_special(path):
            _write_into(path, text.encode(), patience or Patience())
        else:
            durable.write_atomically(path, text.encode(), mode=0o666 & ~_umask())
    except OSError as error:
        raise DestinationError(f"The {what} {path} can't be written: {_reason(error)}.") from None


def _write_into(path: Path, content: bytes, patience: Patience) -> None:
    """Write into a pipe or a device; raises OSError if it has no reader."""
    if sys.platform == "win32":
        path.write_bytes(content)
        return
    # Without O_NONBLOCK, opening a pipe without a reader would block forever.
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        while content:
            _wait_for_reader(descriptor, patience)
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def _wait_for_reader(descriptor: int, patience: Patience) -> None:
    began = time.monotonic()
    while not select.select([], [descriptor], [], _STEP)[1]:
        if time.monotonic() - began >= patience.seconds:
            raise OSError(errno.ENXIO, "")


def _reason(error: OSError) -> str:
    return "it has no reader" if error.errno in (errno.ENXIO, errno.EPIPE) else error.strerror or type(error).__name__


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
