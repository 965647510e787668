"""A token endpoint with scripted answers, for answers that the sandbox's auth service never gives."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bds_async.config import Config

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, body: Any, **headers: str) -> Reply:
    """A whole answer; a body that is not bytes is sent as JSON."""

    async def reply(_: web.Request) -> web.StreamResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=data, headers=named)

    return reply


def grants(access: str = "access", **more: Any) -> Reply:
    """The answer to a granted request."""
    return says(200, {"access_token": access, "token_type": "Bearer", "expires_in": 3600, **more})


async def drops(request: web.Request) -> web.StreamResponse:
    """Receive the request and drop the connection: the answer is lost."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def breaks_off(body: bytes, *, promised: int | None = None) -> Reply:
    """Send `body` and close: in chunks without the last one, or as the beginning of `promised` bytes."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = promised
        if promised is None:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(body)
        assert request.transport is not None
        request.transport.close()
        return response

    return reply


def waits_for(event: asyncio.Event, reply: Reply) -> Reply:
    """Answer once the event is set."""

    async def late(request: web.Request) -> web.StreamResponse:
        await event.wait()
        return await reply(request)

    return late


class ScriptedAuth:
    """Serves the replies in turn, and the last one for ever; records the forms and headers of the requests."""

    def __init__(self, *script: Reply) -> None:
        self.script = list(script)
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.asked = asyncio.Event()
        application = web.Application()
        application.router.add_post("/core/connect/token", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)

    async def __aenter__(self) -> "ScriptedAuth":
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def config(self, **more: Any) -> Config:
        """A config that signs in here."""
        keys = {"bspace_url": "https://school.example", "client_id": "id", "client_secret": "hush-client"}
        return Config(**{**keys, "refresh_token": "hush-first", "auth_service": self.url, **more})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.forms.append({key: str(value) for key, value in (await request.post()).items()})
        self.headers.append(dict(request.headers))
        self.asked.set()
        reply = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await reply(request)
