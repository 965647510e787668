"""A separate listener for each origin, which can stop listening for a while."""

from __future__ import annotations

import asyncio

from aiohttp import web

HOST = "127.0.0.1"


class Origin:
    """One origin on loopback; its port stays the same after the first start."""

    def __init__(self, application: web.Application, port: int) -> None:
        self._application, self._port = application, port
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._changing = asyncio.Lock()

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    async def start(self) -> None:
        """Serve; OSError where the port is taken."""
        self._runner = web.AppRunner(
            self._application, handler_cancellation=True, shutdown_timeout=0.5, access_log=None
        )
        await self._runner.setup()
        await self.listen()

    async def listen(self) -> None:
        """Accept connections (again)."""
        async with self._changing:
            if self._runner is None or self._site is not None:
                return
            site = web.TCPSite(self._runner, HOST, self._port)
            await site.start()
            self._site = site
            self._port = self._runner.addresses[0][1]

    async def refuse(self) -> None:
        """Close the listener and drop every connection; new connections are refused."""
        async with self._changing:
            if self._site is not None:
                await self._site.stop()
                self._site = None
        self._drop_connections()

    def _drop_connections(self) -> None:
        server = self._runner.server if self._runner else None
        for connection in list(server.connections) if server else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        """Stop serving and free the port."""
        await self.refuse()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
