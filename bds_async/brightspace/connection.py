"""One tenant, ready for requests: HTTP session, access token and gate, wired in one place."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

from ..config import Config
from ..errors import UnreachableError
from ..events import Held, Observer, Waiting
from ..options import RunOptions
from ..support.log import event
from .auth import TokenRefresher, grant_for
from .gate import Gate
from .http.transport import Transport
from .tenant import Tenant

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant with its refresher and gate. Run `stay_signed_in` as a task while the tenant is in use.

    `api_version` is the LP API version that the config demands, None for the newest that both sides know.
    """

    tenant: Tenant
    api_version: str | None
    refresher: TokenRefresher
    gate: Gate

    async def stay_signed_in(self) -> None:
        """Keep the access token fresh until cancelled; raises as the refresher's `run` does, except UnreachableError.

        An outage of the auth service does not end a run while bodies arrive: the next request that needs a new token
        raises the error.
        """
        with suppress(UnreachableError):
            await self.refresher.run()


@asynccontextmanager
async def connect(config: Config, options: RunOptions, observer: Observer) -> AsyncIterator[Connection]:
    """Open the HTTP session to the tenant of a config. Nothing is sent yet. Raises ConfigError."""
    gate = Gate(lambda why, seconds: observer(Held(why, seconds)), on_outage=observer)
    async with (
        Transport(connections=options.workers, stall_timeout=options.stall_timeout) as transport,
        TokenRefresher(grant_for(config)) as refresher,
    ):
        yield joined(config, transport, refresher, gate, options.attempts)


def joined(config: Config, transport: Transport, refresher: TokenRefresher, gate: Gate, attempts: int) -> Connection:
    """The connection to the tenant of a config over an open session; `attempts` is the limit for each request."""
    tenant = Tenant(config.bspace_url, transport, refresher, gate, attempts=attempts)
    return Connection(tenant, config.api_version, refresher, gate)


def log_hold(why: str, seconds: float) -> None:
    """Log that the gate holds all requests; for callers without an observer."""
    log_wait(Held(why, seconds))


def log_wait(waiting: Waiting) -> None:
    """Log a wait; for callers without an observer."""
    logger.info("%s", waiting, extra=event(waiting.about, **asdict(waiting)))
