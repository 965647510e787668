"""Processes that exchange tokens: started by the tests of custody, and killed by some."""

import asyncio
import encodings.idna  # noqa: F401  another user may not be able to read the environment that holds it
import gc
import os
import signal
import sys
from pathlib import Path

from bds_async.brightspace.auth import TokenRefresher, grant_for
from bds_async.config import Config
from bds_async.errors import BdsError


async def rounds(config_file: Path, number: int) -> None:
    """`number` runs of a job, each with one exchange."""
    for _ in range(number):
        async with TokenRefresher(grant_for(Config.load(config_file, {})), first_patience=60) as refresher:
            await refresher.token()


def together(config_file: Path, number: int, processes: int) -> int:
    """Run `processes` processes at the same time, with `number` rounds each; return how many failed.

    A fork starts in a millisecond, a new interpreter in half a second.
    """
    gc.freeze()  # so that forks share its memory
    for _ in range(processes):
        if os.fork() == 0:
            asyncio.run(rounds(config_file, number))
            sys.stdout.flush()
            os._exit(0)  # destroying the modules takes longer than an exchange
    return sum(os.wait()[1] != 0 for _ in range(processes))


async def for_ever(config_file: Path) -> None:
    """One exchange after the other."""
    async with TokenRefresher(grant_for(Config.load(config_file, {}))) as refresher:
        token = await refresher.token()
        while True:
            token = await refresher.renew(token)


async def once(config_file: Path, user: int) -> None:
    """A single exchange, as the user with this number."""
    if user:
        os.setuid(user)
    await grant_for(Config.load(config_file, {})).exchange()


def nursery(config_file: Path) -> None:
    """For each line on stdin, fork a child that exchanges for ever; print its pid and, when it ends, its status."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(for_ever(config_file))
            finally:
                os._exit(1)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    role, path = sys.argv[1], Path(sys.argv[2])
    # If the tests run in the background, SIGINT may be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if role == "rounds":
            asyncio.run(rounds(path, int(sys.argv[3])))
        elif role == "together":
            sys.exit(together(path, int(sys.argv[3]), int(sys.argv[4])))
        elif role == "once":
            asyncio.run(once(path, int(sys.argv[3])))
        else:
            nursery(path)
    except BdsError as error:
        print(error)
        sys.exit(error.exit_code)
