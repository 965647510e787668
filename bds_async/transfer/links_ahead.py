"""Signed links that are asked for ahead of their use, while bodies are flowing."""

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
    """One end of the queue of downloads: `take` gives the next of them, and `asked` holds `most` requests at most."""

    most: int
    take: Callable[[], Download]
    asked: dict[Download, asyncio.Task[None]] = field(default_factory=dict)


class LinksAhead:
    """Asks for the links of the next downloads, once the tenant is seen to redirect.

    The pool begins with the largest and with the smallest, so links are asked for at both ends, no more than
    `largest` and `smallest` of them ahead of their use: a link lives for a short time.
    """

    def __init__(self, tenant: Source, largest: int, smallest: int = 0) -> None:
        self._tenant = tenant
        self._next: deque[Download] = deque()
        self._ends = (_End(largest, self._next.popleft), _End(smallest, self._next.pop))
        self._tasks: asyncio.TaskGroup | None = None

    def expect(self, downloads: Iterable[Download], tasks: asyncio.TaskGroup) -> None:
        """Name the downloads, the largest first; `tasks` takes the requests."""
        self._next.extend(downloads)
        self._tasks = tasks

    async def link_of(self, download: Download) -> URL:
        """Where to ask for a piece of a download; waits for a link that is on its way."""
        for end in self._ends:
            if (asked := end.asked.pop(download, None)) is not None:
                await asked
        return download.link

    def go_on(self) -> None:
        """Ask for further links; called when the tenant has redirected a download."""
        for end in self._ends:
            while self._tasks is not None and self._next and len(end.asked) < end.most:
                download = end.take()
                if not download.has_begun and not download.partial.is_whole:
                    self._begin(download, end, self._tasks)

    def _begin(self, download: Download, end: _End, tasks: asyncio.TaskGroup) -> None:
        if (asked := started(tasks, self._ask(download))) is not None:
            end.asked[download] = asked

    async def _ask(self, download: Download) -> None:
        """The worker that takes the download asks again, and judges, if this fails."""
        try:
            download.signed_link = await self._tenant.signed_link(download.link)
        except BdsError as error:
            # The download asks again.
            self._tenant.retries += isinstance(error, TransientError)
            logger.debug("%s: no link ahead of its use: %s", download.extract, error)
