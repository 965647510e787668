"""Signed links that are asked for ahead of their use, while bodies are flowing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable

from yarl import URL

from ..brightspace import Source
from ..errors import BdsError, TransientError
from ..support.running import started
from .download import Download

logger = logging.getLogger(__name__)


class LinksAhead:
    """Asks for the links of the next downloads, `ahead` of them at most, once the tenant is seen to redirect.

    A link lives for a short time, so no more are asked for than are soon used.
    """

    def __init__(self, tenant: Source, ahead: int) -> None:
        self._tenant = tenant
        self._ahead = ahead
        self._next: deque[Download] = deque()
        self._asked: dict[Download, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def expect(self, downloads: Iterable[Download], tasks: asyncio.TaskGroup) -> None:
        """Name the downloads in the order in which they will begin; `tasks` takes the requests."""
        self._next.extend(downloads)
        self._tasks = tasks

    async def link_of(self, download: Download) -> URL:
        """Where to ask for a piece of a download; waits for a link that is on its way."""
        if (asked := self._asked.pop(download, None)) is not None:
            await asked
        return download.link

    def go_on(self) -> None:
        """Ask for further links; called when the tenant has redirected a download."""
        while self._tasks is not None and self._next and len(self._asked) < self._ahead:
            download = self._next.popleft()
            if not download.has_begun and not download.partial.is_whole:
                self._begin(download, self._tasks)

    def _begin(self, download: Download, tasks: asyncio.TaskGroup) -> None:
        if (asked := started(tasks, self._ask(download))) is not None:
            self._asked[download] = asked

    async def _ask(self, download: Download) -> None:
        """The worker that takes the download asks again, and judges, if this fails."""
        try:
            download.signed_link = await self._tenant.signed_link(download.link)
        except BdsError as error:
            # The download asks again.
            self._tenant.retries += isinstance(error, TransientError)
            logger.debug("%s: no link ahead of its use: %s", download.extract, error)
