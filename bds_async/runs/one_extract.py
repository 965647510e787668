"""One extract from its signed link to a whole, verified file: a function of values.

It needs no tenant, ledger or lock, so it can run on any machine.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from functools import partial

from yarl import URL

from ..brightspace import Source
from ..errors import VerificationError
from ..events import Observer, unobserved
from ..formats import Format, Staged, decode_zip
from ..options import Verify
from ..planning import Step
from ..support.clock import Stopwatch
from ..support.prefix import Prefix
from ..support.threads import ZipThreads
from ..transfer import Download, Partial, Piece, RateLimit, Transfer
from ..workspace import Workspace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How one extract is fetched and checked; `limit_rate` is in bytes a second, for this extract alone."""

    attempts: int
    stall_timeout: float
    verify: Verify
    limit_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One extract to fetch by its signed link, and the workspace that holds its partial file."""

    step: Step
    signed_link: URL = field(repr=False)
    workspace: Workspace


class OneExtract:
    """Fetches one extract, one body at a time; `download` has the progress, also after an error.

    The times of its attempts are read from `stopwatch`.
    """

    def __init__(
        self,
        assignment: Assignment,
        source: Source,
        form: Format,
        options: FetchOptions,
        *,
        observer: Observer = unobserved,
    ) -> None:
        self.download = Download(
            assignment.step, Partial.load(assignment.workspace, assignment.step.extract.identity), options.attempts
        )
        self.download.signed_link = assignment.signed_link
        self._form = form
        self._options = options
        self._observer = observer
        self._pieces: deque[Piece] = deque()
        rate = RateLimit(None if options.limit_rate is None else max(1, int(options.limit_rate)))
        self.stopwatch = Stopwatch()
        self._transfer = Transfer(
            source,
            self._pieces.append,
            observer,
            rate=rate,
            stall_timeout=options.stall_timeout,
            clock=lambda: self.stopwatch.seconds,
        )

    async def staged(self, threads: ZipThreads) -> Staged:
        """Fetch and verify the extract; return the file to publish, which is beside the partial file.

        Raises ExtractError (LinkExpired among them), DestinationError. Valid bytes are kept for the next attempt.
        """
        first = self.download.first_piece()
        self._pieces.extend([first] if first is not None else [])
        while True:
            await self._fetched()
            try:
                return await threads.run(partial(self._stage, threads))
            except VerificationError as error:
                logger.debug("%s: the received file is no whole zip: %s", self.download.extract, error)
                piece = self.download.reject()
                if piece is None:
                    raise
                self._pieces.append(piece)

    async def _fetched(self) -> None:
        """Fetch pieces until every byte is there, whatever the server answers."""
        while not self.download.partial.is_whole:
            if not self._pieces:
                self._pieces.append(self.download.restart())
            await self._transfer.fetch(self._pieces.popleft())
        self._pieces.clear()

    def _stage(self, threads: ZipThreads) -> Staged:
        part = self.download.partial
        prefix = Prefix() if decode_zip(part.path, threads.watch) else part.prefix
        return self._form.stage(self.download.step, part.path, prefix, self._options.verify, threads.watch)
