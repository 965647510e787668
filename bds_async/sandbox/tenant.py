"""The state that the three origins of a sandbox share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BufferedReader

from .api.rate_limit import RateLimit
from .auth.assertions import AssertionChecker
from .auth.codes import CodeStore
from .auth.tokens import TokenStore
from .clock import Clock
from .data.archives import SizeEstimates, write_zip
from .data.catalogue import Catalogue
from .data.extracts import SandboxExtract
from .data.spool import Spool, Writer
from .faults.plan import FaultPlan
from .links import LinkSigner
from .seen import RequestLog
from .settings import SandboxSettings, todays_midnight

AUTH, API, STORAGE = "auth", "tenant", "storage"


class Tenant:
    """The state behind the three listeners; `urls` is filled once their ports are known."""

    client_id = "sandbox-client-5f0e"
    client_secret = "sandbox-secret-9c41d7"  # noqa: S105 - valid for this sandbox alone

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.clock = Clock(settings.now or todays_midnight())
        self.catalogue = Catalogue(settings, self.clock)
        self.tokens = TokenStore(self.clock, settings.access_token_life)
        self.codes = CodeStore(self.clock, settings.authorization_code_life)
        self.assertions = AssertionChecker(self.clock, self.client_id)
        self.budget = RateLimit(settings, self.clock)
        self.signer = LinkSigner(self.clock)
        self.log = RequestLog(settings.log_length)
        self.urls: dict[str, str] = {}
        self.faults = FaultPlan(settings.faults)
        #: Makes all origins refuse connections for the given seconds.
        self.go_away: Callable[[float], None] = lambda _: None
        self._estimates = SizeEstimates()
        self._spool = Spool(settings.spool_bytes)
        self._threads = ThreadPoolExecutor(2, "bds-sandbox")

    def size(self, extract: SandboxExtract) -> int:
        """Return the size of a zip: exact if it was generated before, else an estimate."""
        return self._spool.known_size(extract.identity) or self._estimates.size(extract)

    def open_archive(self, extract: SandboxExtract) -> BufferedReader:
        """Open the zip of an extract, after generating it if needed; blocks."""
        return self._spool.open(extract.identity, partial(write_zip, extract))

    def sha256(self, extract: SandboxExtract) -> str:
        """Return the SHA-256 of the zip of an extract in hex, after generating it if needed; blocks."""
        return self._spool.sha256(extract.identity, partial(write_zip, extract))

    async def archive(self, extract: SandboxExtract) -> BufferedReader:
        """Open the zip of an extract without blocking the event loop."""
        return await self.open_generated(extract.identity, partial(write_zip, extract))

    async def open_generated(self, key: Hashable, write: Writer) -> BufferedReader:
        """Open a file of the spool, after generating it with `write` if needed, without blocking the event loop."""
        if (ready := self._spool.open_ready(key)) is not None:
            return ready
        generating = asyncio.get_running_loop().run_in_executor(self._threads, self._spool.open, key, write)
        try:
            return await asyncio.shield(generating)
        except asyncio.CancelledError:
            generating.add_done_callback(_close)
            raise

    def close(self) -> None:
        """Stop generating archives and remove all of them; blocks until the threads have ended."""
        self._spool.stop_generating()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._spool.close()


def _close(generating: asyncio.Future[BufferedReader]) -> None:
    """Close a file that the cancelled request no longer needs."""
    if not generating.cancelled() and generating.exception() is None:
        generating.result().close()
