"""The state of one sandbox that its three origins share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BufferedReader

from .api.rate_limit import Budget
from .auth.assertions import AssertionDesk
from .auth.codes import CodeOffice
from .auth.tokens import TokenOffice
from .clock import Clock
from .data.archives import SizeEstimates, write_zip
from .data.catalogue import Catalogue
from .data.extracts import SandboxExtract
from .data.spool import Maker, Spool
from .faults.plan import FaultPlan
from .links import LinkSigner
from .seen import RequestLog
from .settings import SandboxSettings, todays_midnight

AUTH, API, STORAGE = "auth", "tenant", "storage"


class Tenant:
    """Everything behind the three listeners; `urls` is filled in once their ports are known."""

    client_id = "sandbox-client-5f0e"
    client_secret = "sandbox-secret-9c41d7"  # noqa: S105 - opens nothing but this sandbox

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.clock = Clock(settings.now or todays_midnight())
        self.catalogue = Catalogue(settings, self.clock)
        self.tokens = TokenOffice(self.clock, settings.access_token_life)
        self.codes = CodeOffice(self.clock, settings.authorization_code_life)
        self.assertions = AssertionDesk(self.clock, self.client_id)
        self.budget = Budget(settings, self.clock)
        self.signer = LinkSigner(self.clock)
        self.log = RequestLog(settings.log_length)
        self.urls: dict[str, str] = {}
        self.faults = FaultPlan(settings.faults)
        #: Lets all origins refuse connections for so many seconds.
        self.go_away: Callable[[float], None] = lambda _: None
        self._estimates = SizeEstimates()
        self._spool = Spool(settings.spool_bytes)
        self._makers = ThreadPoolExecutor(2, "bds-sandbox")

    def size(self, extract: SandboxExtract) -> int:
        """Give the exact size of a zip that has been made, a close estimate of any other."""
        return self._spool.known_size(extract.identity) or self._estimates.size(extract)

    def open_archive(self, extract: SandboxExtract) -> BufferedReader:
        """Open the zip of an extract, making it first where needed; blocks meanwhile."""
        return self._spool.open(extract.identity, partial(write_zip, extract))

    def sha256(self, extract: SandboxExtract) -> str:
        """Give the SHA-256 of the zip of an extract in hex, making it first where needed; blocks meanwhile."""
        return self._spool.sha256(extract.identity, partial(write_zip, extract))

    async def archive(self, extract: SandboxExtract) -> BufferedReader:
        """Open the zip of an extract without holding up the event loop."""
        return await self.made(extract.identity, partial(write_zip, extract))

    async def made(self, key: Hashable, make: Maker) -> BufferedReader:
        """Open a file of the spool, made by `make` where it is not there, without holding up the event loop."""
        if (ready := self._spool.open_ready(key)) is not None:
            return ready
        making = asyncio.get_running_loop().run_in_executor(self._makers, self._spool.open, key, make)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_close)
            raise

    def close(self) -> None:
        """Stop making archives and remove those that were made; blocks until the makers are gone."""
        self._spool.stop_making()
        self._makers.shutdown(wait=True, cancel_futures=True)
        self._spool.close()


def _close(making: asyncio.Future[BufferedReader]) -> None:
    """Close a file that nobody waits for any more."""
    if not making.cancelled() and making.exception() is None:
        making.result().close()
