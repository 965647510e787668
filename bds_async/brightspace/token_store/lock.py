"""The lock of a refresh token between processes: the operating system frees it when its holder ends."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
import time
from pathlib import Path

from filelock import FileLock, Timeout

from ...errors import CredentialsBusy
from ...support import durable
from ...support.file_locks import file_lock
from ...support.log import event

logger = logging.getLogger(__name__)

#: Seconds to wait for the lock: an exchange takes at most two minutes, and several processes may be waiting.
PATIENCE = 900.0
#: Seconds after which the wait is logged.
NOTICE = 5.0
#: Upper bound in seconds between two tries to lock.
POLL = 0.1


async def locked(home: Path) -> FileLock:
    """Wait for the lock beside `home` without blocking the event loop, and return it locked.

    The caller releases it, from any thread. Raises CredentialsBusy after PATIENCE seconds, OSError if the file can't be
    locked.
    """
    if not home.parent.is_dir():  # filelock would create it, even at a mount point without its volume
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    lock = file_lock(home.with_name(f"{home.name}.lock"))
    began, is_logged = time.monotonic(), False
    while not _acquired(lock):
        waited = time.monotonic() - began
        if waited > PATIENCE:
            raise CredentialsBusy(f"Another process has held the lock {lock.lock_file} for {waited:.0f} seconds; "
                                  "find the process that hangs and end it.")  # fmt: skip
        if waited > NOTICE and not is_logged:
            text = "Waiting for another process that is exchanging the refresh token (%s)."
            logger.warning(text, lock.lock_file, extra=event("token.locked", path=lock.lock_file))
            is_logged = True
        await asyncio.sleep(random.uniform(POLL / 5, POLL))
    durable.keep_owner(Path(lock.lock_file), home)
    return lock


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
