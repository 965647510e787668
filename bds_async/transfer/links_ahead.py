"""Signed links that are requested ahead of their use, while bodies are downloading."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from yarl import URL

from ..brightspace import Source
from ..errors import BdsError, TransientError
from ..support.running import started
from .download import Download

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _End:
    """One end of the queue of downloads, the next one first; `asked` holds at most `most` requests."""

    most: int
    next: deque[Download] = field(default_factory=deque)
    asked: dict[Download, asyncio.Task[None]] = field(default_factory=dict)


class LinksAhead:
    """Requests the links of the next downloads, once the tenant has redirected one.

    The pool takes the largest and the smallest downloads first, so links are requested at both ends. At most `largest`
    and `smallest` links are held ahead of their use, since a link expires soon.
    """

    def __init__(self, tenant: Source, largest: int, smallest: int = 0) -> None:
        self._tenant = tenant
        self._largest, self._smallest = self._ends = (_End(largest), _End(smallest))
        self._tasks: asyncio.TaskGroup | None = None

    def expect(self, downloads: Sequence[Download], tasks: asyncio.TaskGroup) -> None:
        """Set the downloads to come, in order of arrival; the requests are made in `tasks`."""
        self._smallest.next.extend(sorted(downloads, key=lambda each: each.listed_size))
        self._largest.next.extend(sorted(downloads, key=lambda each: -each.listed_size))
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
            while self._tasks is not None and end.next and len(end.asked) < end.most:
                download = end.next.popleft()
                if not (download.has_begun or download.partial.is_whole or self._is_asked(download)):
                    self._begin(download, end, self._tasks)

    def _is_asked(self, download: Download) -> bool:
        return any(download in end.asked for end in self._ends)

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
