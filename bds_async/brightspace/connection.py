"""The one wiring of transport, refresher, gate and tenant, for runs, doctor, login and library users.

A Config with its secrets goes no further than this module and the grants.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass

from ..config import Config
from ..errors import UnreachableError
from ..events import Held, Observer, Waiting, unobserved
from ..options import RunOptions
from ..support.log import event
from .auth import TokenRefresher, grant_for
from .gate import Gate
from .http import Transport
from .tenant import Tenant

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant with its token refresher and its gate, whose counters go into the report."""

    tenant: Tenant
    refresher: TokenRefresher
    gate: Gate

    async def stay_signed_in(self) -> None:
        """Keep the access token fresh until cancelled; run it beside the work.

        Raises as the refresher's `run` does, but not UnreachableError: an unreachable auth service does not end running
        downloads. A request that needs a new token raises it.
        """
        with suppress(UnreachableError):
            await self.refresher.run()


@asynccontextmanager
async def connect(
    config: Config,
    options: RunOptions | None = None,
    observer: Observer = unobserved,
    *,
    refresher: TokenRefresher | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[Connection]:
    """Wire a connection to a tenant; nothing is sent yet.

    `refresher` replaces the one for the config's own grant, `gate` the one that reports to `observer`. Raises
    ConfigError.
    """
    options = options or RunOptions()
    gate = gate or Gate(lambda why, seconds: observer(Held(why, seconds)), on_outage=observer)
    async with AsyncExitStack() as stack:
        transport = Transport(
            connections=options.workers, stall_timeout=options.stall_timeout, limit_rate=options.limit_rate
        )
        await stack.enter_async_context(transport)
        tokens = await stack.enter_async_context(refresher or TokenRefresher(grant_for(config)))
        tenant = Tenant(
            config.bspace_url, transport, tokens, gate, attempts=options.attempts, api_version=config.api_version
        )
        yield Connection(tenant, tokens, gate)


@asynccontextmanager
async def connect_tenant(config: Config) -> AsyncIterator[Tenant]:
    """Open a tenant to read its data sets and extracts; nothing is sent yet. Raises ConfigError."""
    async with connect(config) as connection:
        yield connection.tenant


def log_hold(why: str, seconds: float) -> None:
    """Log that the gate holds all requests; for callers without an observer."""
    log_wait(Held(why, seconds))


def log_wait(waiting: Waiting) -> None:
    """Log a wait; for callers without an observer."""
    logger.info("%s", waiting, extra=event(waiting.about, **asdict(waiting)))
