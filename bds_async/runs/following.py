"""Verification of a large zip while its pieces arrive, so that it finishes soon after the last one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ..errors import BdsError, Superseded
from ..formats import Format, Staged
from ..formats.inflate import BLOCK
from ..options import Verify
from ..support.prefix import Prefix
from ..support.running import started
from ..support.threads import ZipThreads
from ..transfer import LARGE, Download

logger = logging.getLogger(__name__)

#: Seconds between two checks for new bytes.
PAUSE = 0.05


class Following:
    """Stages one large download at a time while it arrives; the others are staged once they are whole.

    If following a generation of a download fails, that generation is not followed again.
    """

    def __init__(self, verify: Verify, threads: ZipThreads) -> None:
        self._is_wanted = verify is Verify.FULL
        self._threads = threads
        self._followed: _Followed | None = None
        self._failed: set[tuple[Download, int]] = set()

    def begin(self, download: Download, form: Format, tasks: asyncio.TaskGroup) -> None:
        """Follow a download if its first and last bytes are there and no other is being followed."""
        generation = download.partial.generation
        is_possible = self._is_wanted and self._followed is None and form.reads_in_order
        if not is_possible or not _has_both_ends(download) or (download, generation) in self._failed:
            return
        watch = _Arrival(download, self._threads).watch
        stage = partial(form.stage, download.step, download.partial.path, Prefix(), Verify.FULL, watch)
        if (task := started(tasks, self._follow(download, generation, stage))) is not None:
            self._followed = _Followed(download, generation, task)

    async def staged(self, download: Download) -> Staged | None:
        """The staged file of a whole download; None if it was not followed to its end."""
        followed = self._followed
        if followed is None or followed.download is not download:
            return None
        staged = await followed.task
        if self._followed is followed:
            self._followed = None
        return staged if download.partial.generation == followed.generation else None

    async def _follow(self, download: Download, generation: int, stage: Callable[[], Staged]) -> Staged | None:
        staging = self._threads.begin_waiting(stage)
        try:
            if staging is not None:
                return await staging
        except BdsError as error:
            # The verification of the whole file will find what is wrong.
            logger.debug("%s: not verified while it arrives: %s", download.extract, error)
            self._failed.add((download, generation))
        self._followed = None
        return None


class _Followed(NamedTuple):
    download: Download
    generation: int
    task: asyncio.Task[Staged | None]


class _Arrival:
    """Makes a reader wait until the bytes that it reads next have arrived."""

    def __init__(self, download: Download, threads: ZipThreads) -> None:
        self._download = download
        self._generation = download.partial.generation
        self._threads = threads
        self._read = 0

    def watch(self, count: int) -> None:
        """Wait after each block that is read; raises Superseded if the download starts over or ends, Stopped."""
        self._read += count
        self._threads.watch(count)
        while not self._has(self._read + BLOCK):
            time.sleep(PAUSE)
            self._threads.watch(0)

    def _has(self, stop: int) -> bool:
        part = self._download.partial
        held, is_whole = part.held(), part.is_whole
        if self._download.is_settled or part.generation != self._generation:
            raise Superseded("The download started over, or is given up.")
        return is_whole or held[0][1] >= stop


def _has_both_ends(download: Download) -> bool:
    """Whether a reader can begin: it needs the first block, and the zip's directory at the end."""
    part = download.partial
    held, total = part.held(), part.total
    if total is None or total < LARGE or len(held) < 2:
        return False
    return held[0][0] == 0 and held[0][1] >= BLOCK and held[-1][1] == total
