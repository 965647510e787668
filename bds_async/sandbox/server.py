"""The sandbox: three origins on loopback around one tenant."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import deque
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from .api import new_routes, old_routes, storage, versions
from .auth import consent, token_endpoint
from .faults import Fault
from .faults.plan import FaultPlan
from .seen import Counters, SeenRequest
from .settings import SandboxSettings
from .tenant import API, AUTH, STORAGE, Tenant
from .truth import TrueDataSet, truth
from .web.front import OriginServer
from .web.origins import Origin

ROUTES = {
    AUTH: (*token_endpoint.ROUTES, *consent.ROUTES),
    API: (*versions.ROUTES, *new_routes.ROUTES, *old_routes.ROUTES),
    STORAGE: storage.ROUTES,
}


class Sandbox:
    """A tenant that behaves like Brightspace, with auth service, API and storage on separate origins.

    Use it as an asynchronous context manager, or call `start` and `stop`. Everything runs in the event loop that
    started it; two threads generate archives in a temporary folder, which `stop` removes.
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self._tenant = Tenant(self.settings)
        port = self.settings.port
        self._origins = {
            name: Origin(OriginServer(self._tenant, name, routes).application(), port + number if port else 0)
            for number, (name, routes) in enumerate(ROUTES.items())
        }
        self._return: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._tenant.go_away = self._leave_soon

    async def __aenter__(self) -> Sandbox:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on all three origins; if a port is taken, stop again and raise OSError."""
        try:
            for name, origin in self._origins.items():
                await origin.start()
                self._tenant.urls[name] = origin.url
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything: listeners, connections, threads, the temporary folder."""
        await self._forget(self._leaving)
        await self._forget(self._return)
        for origin in self._origins.values():
            await origin.stop()
        await asyncio.to_thread(self._tenant.close)

    @property
    def tenant_url(self) -> str:
        """The `bspace_url` of this tenant."""
        return self._origins[API].url

    @property
    def auth_url(self) -> str:
        """The `auth_service` of this tenant."""
        return self._origins[AUTH].url

    @property
    def storage_url(self) -> str:
        """Origin of the signed links."""
        return self._origins[STORAGE].url

    @property
    def client_id(self) -> str:
        """The registered application's id."""
        return self._tenant.client_id

    @property
    def client_secret(self) -> str:
        """The registered application's secret."""
        return self._tenant.client_secret

    def new_refresh_token(self, scope: str | None = None) -> str:
        """Issue a refresh token, as if a person had just consented to a scope (default: all scopes of the settings)."""
        return self._tenant.tokens.new_refresh_token(scope or " ".join(sorted(self.settings.scopes)))

    def register_key(self, public_pem: str | bytes, key_id: str) -> None:
        """Register the public key of a service user (PEM, RSA), as its JWKS would publish it.

        RuntimeError without the extra `service-user`, ValueError for any other key.
        """
        self._tenant.assertions.register(public_pem, key_id)

    def config(self) -> dict[str, Any]:
        """Return the content of a config.json with a new refresh token, ready to use."""
        return {
            "bspace_url": self.tenant_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.new_refresh_token(),
            "auth_service": self.auth_url,
        }

    def write_config(self, path: Path) -> None:
        """Write `config()` to a file, atomically and with mode 0600."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".sandbox-", suffix=".json")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(self.config(), indent=2) + "\n")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @property
    def requests(self) -> deque[SeenRequest]:
        """The last requests, oldest first."""
        return self._tenant.log.requests

    @property
    def counters(self) -> Counters:
        """Totals since the start."""
        return self._tenant.log.counters

    def catalogue(self) -> list[TrueDataSet]:
        """Return every data set with its rows and the extracts listed now."""
        return truth(self._tenant)

    def is_live(self, refresh_token: str) -> bool:
        """Return whether a refresh token could still be spent."""
        return self._tenant.tokens.is_live(refresh_token)

    def revoke_access_tokens(self) -> None:
        """Revoke all access tokens; requests with them get 401."""
        self._tenant.tokens.revoke_access()

    def revoke_refresh_tokens(self) -> None:
        """Revoke all refresh tokens, as when the consent is withdrawn; exchanges get `invalid_grant`."""
        self._tenant.tokens.revoke_refresh()

    def play(self, *faults: Fault | dict[str, Any]) -> None:
        """Replace the faults, and restart their counters. A dict is parsed as in a faults file.

        Raises TypeError for anything else, such as a list of faults, and ValueError, which names the key, for a
        malformed dict.
        """
        self._tenant.faults = FaultPlan(faults)

    def advance(self, by: timedelta) -> None:
        """Move the clock forward: new extracts appear, old ones are dropped, tokens and links expire."""
        self._tenant.clock.advance(by)

    async def go_away(self, seconds: float | None = None) -> None:
        """Refuse every connection on all origins for `seconds` seconds, or until `come_back`."""
        await self._forget(self._return)
        for origin in self._origins.values():
            await origin.refuse()
        if seconds is not None:
            self._return = asyncio.create_task(self._return_after(seconds))

    async def come_back(self) -> None:
        """Listen again, on the same ports."""
        if self._leaving is not None:
            await self._leaving
        await self._forget(self._return)
        await self._listen()

    async def _return_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # Shielded, so that a listener is never left half started.
        await asyncio.shield(self._listen())

    async def _listen(self) -> None:
        for origin in self._origins.values():
            await origin.listen()

    def _leave_soon(self, seconds: float) -> None:
        if self._leaving is None or self._leaving.done():
            self._leaving = asyncio.create_task(self.go_away(seconds))

    @staticmethod
    async def _forget(task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
