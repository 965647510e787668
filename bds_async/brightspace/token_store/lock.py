"""One process at a time at a refresh token: a lock of the operating system, which dies with its holder."""

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

logger = logging.getLogger(__name__)

#: Seconds: an exchange takes two minutes at most, and several processes may stand in line.
PATIENCE = 900.0
#: Seconds after which the wait is worth a line in the log.
NOTICE = 5.0
#: Seconds between two looks at the lock, at most.
POLL = 0.1


async def locked(home: Path) -> FileLock:
    """Wait for the lock beside `home` without holding up the event loop, and hand it over held.

    Raises CredentialsBusy after PATIENCE, OSError if there can't be a lock. Whoever takes it releases it, from any
    thread.
    """
    lock = FileLock(home.with_name(f"{home.name}.lock"), mode=0o600, thread_local=False)
    if not home.parent.is_dir():  # filelock would make it, be it a mount point where nothing is mounted
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    began, told = time.monotonic(), False
    while not _acquired(lock):
        waited = time.monotonic() - began
        if waited > PATIENCE:
            raise CredentialsBusy(f"Another process has kept {lock.lock_file} locked for {waited:.0f} seconds; "
                                  "look for one that hangs, and end it.")  # fmt: skip
        if waited > NOTICE and not told:
            logger.warning("Waiting for another process that is exchanging the refresh token (%s).", lock.lock_file)
            told = True
        await asyncio.sleep(random.uniform(POLL / 5, POLL))
    durable.keep_owner(Path(lock.lock_file), home)
    return lock


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
