"""Signed links that are requested ahead of their use, while bodies are downloading."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from yarl import URL

from ..brightspace import Source
from ..errors import BdsError, TransientError
from ..support.running import started
from .download import Download

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _End:
    """One end of the queue of downloads: `take` pops the next one; `asked` holds at most `most` requests."""

    most: int
    take: Callable[[], Download]
    asked: dict[Download, asyncio.Task[None]] = field(default_factory=dict)


class LinksAhead:
    """Requests the links of the next downloads, once the tenant has redirected one.

    The pool begins with the largest and with the smallest, so links are requested at both ends. At most `largest` and
    `smallest` links are held ahead of their use, since a link expires soon.
    """

    def __init__(self, tenant: Source, largest: int, smallest: int = 0) -> None:
        self._tenant = tenant
        self._next: deque[Download] = deque()
        self._ends = (_End(largest, self._next.popleft), _End(smallest, self._next.pop))
        self._tasks: asyncio.TaskGroup | None = None

    def expect(self, downloads: Iterable[Download], tasks: asyncio.TaskGroup) -> None:
        """Set the downloads to come, the largest first; the requests are made in `tasks`."""
        self._next.extend(downloads)
        self._tasks = tasks

    async def link_of(self, download: Download) -> URL:
        """Where to request a piece of a download; waits for a link that was requested already."""
        for end in self._ends:
            if (asked := end.asked.pop(download, None)) is not None:
                await asked
        return download.link

    def go_on(self) -> None:
        """Request further links; called when the tenant has redirected a download."""
        for end in self._ends:
            while self._tasks is not None and self._next and len(end.asked) < end.most:
                download = end.take()
                if not download.has_begun and not download.partial.is_whole:
                    self._begin(download, end, self._tasks)

    def _begin(self, download: Download, end: _End, tasks: asyncio.TaskGroup) -> None:
        if (asked := started(tasks, self._ask(download))) is not None:
            end.asked[download] = asked

    async def _ask(self, download: Download) -> None:
        """Request a link. If this fails, the worker that takes the download repeats it and handles the error."""
        try:
            download.signed_link = await self._tenant.signed_link(download.link)
        except BdsError as error:
            # The request of the download itself will be another try.
            self._tenant.retries += isinstance(error, TransientError)
            logger.debug("%s: no link ahead of its use: %s", download.extract, error)
