"""One tenant, ready to be asked: session, token and gate wired together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from ..config.settings import Config
from ..errors import UnreachableError
from ..events import Held, Observer
from ..options import RunOptions
from .auth.grants import grant_for
from .auth.refresher import TokenRefresher
from .gate import Gate
from .http.transport import Transport
from .tenant import Tenant


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant and what stands in front of it; `api_version` is the LP version that the config asks for.

    The refresher's `run` belongs beside whatever asks the tenant.
    """

    tenant: Tenant
    api_version: str | None
    refresher: TokenRefresher
    gate: Gate

    async def stay_signed_in(self) -> None:
        """Keep the access token fresh until cancelled; raises as the refresher's `run` does, but no UnreachableError.

        An auth service that is gone ends no run while bodies flow: whoever needs a new token hears of it.
        """
        with suppress(UnreachableError):
            await self.refresher.run()


@asynccontextmanager
async def connect(config: Config, options: RunOptions, observer: Observer) -> AsyncIterator[Connection]:
    """Open the session to a tenant; nothing is sent yet. Raises ConfigError."""
    gate = Gate(lambda why, seconds: observer(Held(why, seconds)))
    async with (
        Transport(connections=options.workers, stall_timeout=options.stall_timeout) as transport,
        TokenRefresher(grant_for(config)) as refresher,
    ):
        tenant = Tenant(config.bspace_url, transport, refresher, gate, attempts=options.attempts)
        yield Connection(tenant, config.api_version, refresher, gate)
