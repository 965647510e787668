"""A separate listener for each origin, which can be down for a while."""

from __future__ import annotations

import asyncio
import os
import socket

from aiohttp import web

HOST = "127.0.0.1"


class Origin:
    """One origin on loopback; its port stays the same after the first start."""

    def __init__(self, application: web.Application, port: int) -> None:
        self._application, self._port = application, port
        self._runner: web.AppRunner | None = None
        self._reserved: socket.socket | None = None
        self._site: web.SockSite | None = None
        self._changing = asyncio.Lock()

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    async def start(self) -> None:
        """Serve; OSError if the port is taken."""
        self._runner = web.AppRunner(
            self._application, handler_cancellation=True, shutdown_timeout=0.5, access_log=None
        )
        await self._runner.setup()
        self._reserve()
        await self.listen()

    async def listen(self) -> None:
        """Accept connections (again)."""
        async with self._changing:
            if self._runner is None or self._reserved is None:
                return
            site = web.SockSite(self._runner, self._reserved)
            await site.start()
            self._site, self._reserved = site, None

    async def refuse(self) -> None:
        """Close the listener and drop every connection; new connections are refused."""
        async with self._changing:
            if await self._leave():
                self._reserve()

    async def _leave(self) -> bool:
        """Close the listener and drop every connection; return whether there was a listener."""
        site, self._site = self._site, None
        if site is not None:
            await site.stop()
        self._drop_connections()
        return site is not None

    def _reserve(self) -> None:
        """Bind the port without listening: connections are refused, and no other program can get the port."""
        reserved = socket.socket()
        if os.name == "posix":
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            reserved.bind((HOST, self._port))
        except OSError:
            reserved.close()
            raise
        self._reserved, self._port = reserved, reserved.getsockname()[1]

    def _drop_connections(self) -> None:
        server = self._runner.server if self._runner else None
        for connection in list(server.connections) if server else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        """Stop serving and free the port."""
        async with self._changing:
            await self._leave()
            if self._reserved is not None:
                self._reserved.close()
                self._reserved = None
            if self._runner is not None:
                await self._runner.cleanup()
                self._runner = None
