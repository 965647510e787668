"""Publishing of verified files in groups: while one group is published, the next one gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from ..destination import Published, Publisher
from ..errors import ExtractError
from ..formats import Staged
from ..support.to_its_end import to_its_end
from ..transfer import Download

#: Maximum number of files in a group.
GROUP = 192
#: A download, and its verified file.
Ready: TypeAlias = tuple[Download, Staged]
#: Takes a download, its verified file, and the result of publishing it.
Settle: TypeAlias = Callable[[Download, Staged, Published | ExtractError], None]


class GroupPublishing:
    """Publishes files in the order of `put`; calls `settle` with the result of each download.

    A group of files shares its disk syncs, since these can be slow. With several `lanes`, as many tasks may call `run`,
    and each publishes one file at a time.
    """

    def __init__(self, publisher: Publisher, settle: Settle, lanes: int = 1) -> None:
        self._publisher = publisher
        self._settle = settle
        self._group = GROUP if lanes == 1 else 1
        # Uploads are slow; with threads of their own they do not delay other work.
        self._threads = ThreadPoolExecutor(lanes, "publishing")
        self._ready: asyncio.Queue[Ready] = asyncio.Queue()

    def put(self, download: Download, staged: Staged) -> None:
        """Queue a file to be published after those queued before."""
        download.take_turn()
        self._ready.put_nowait((download, staged))

    async def run(self) -> None:
        """Publish group by group until cancelled; raises DestinationError or FolderBusy."""
        while True:
            group = [await self._ready.get()]
            while len(group) < self._group and not self._ready.empty():
                group.append(self._ready.get_nowait())
            # A file that is placed gets its outcome, even if the run is being stopped.
            await to_its_end(self._publish(group))

    async def _publish(self, group: Sequence[Ready]) -> None:
        files = [(download.step, staged) for download, staged in group]
        publish = partial(self._publisher.publish, files)
        results = await asyncio.get_running_loop().run_in_executor(self._threads, publish)
        for (download, staged), result in zip(group, results, strict=True):
            self._settle(download, staged, result)
