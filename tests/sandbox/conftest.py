"""A running sandbox and a bare client that sends the requests of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bds_async.sandbox import Sandbox, SandboxSettings

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Answer:
    """One answer, read to its end."""

    status: int
    headers: Any
    body: bytes
    json: Any = None


class Caller:
    """A client of one sandbox, with one access token."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox, self.http = sandbox, http
        self.bearer: dict[str, str] = {}
        self.lp = f"{sandbox.tenant_url}/d2l/api/lp/1.43"

    async def token(self, headers: dict[str, str] | None = None, **form: str) -> Answer:
        """Call the token endpoint with the client's credentials."""
        basic = aiohttp.encode_basic_auth(self.sandbox.client_id, self.sandbox.client_secret)
        given = {"Authorization": basic} if headers is None else headers
        url = f"{self.sandbox.auth_url}/core/connect/token"
        return await self.call("POST", url, data=form, headers=given)

    async def sign_in(self, scope: str | None = None) -> Answer:
        """Exchange a fresh refresh token and keep the bearer."""
        answer = await self.token(grant_type="refresh_token", refresh_token=self.sandbox.new_refresh_token(scope))
        self.bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
        return answer

    async def call(self, method: str, url: str, **options: Any) -> Answer:
        """Send one request without following redirects."""
        async with self.http.request(method, url, allow_redirects=False, **options) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return Answer(response.status, response.headers, body, await response.json() if is_json else None)

    async def get(self, url: str, **headers: str) -> Answer:
        """Get with the bearer; a path is relative to the LP API."""
        full = url if url.startswith("http") else f"{self.lp}{url}"
        return await self.call("GET", full, headers={**self.bearer, **headers})

    async def bare(self, url: str, **headers: str) -> Answer:
        """Get without the bearer, as the storage requires."""
        return await self.call("GET", url, headers=headers)

    async def objects(self, url: str = "/datasets/bds") -> list[dict[str, Any]]:
        """Read all pages of a new route."""
        found: list[dict[str, Any]] = []
        following: str | None = url
        while following:
            page = (await self.get(following)).json
            found += page["Objects"]
            following = page["Next"]
        return found

    async def entry(self, number: int = 0) -> dict[str, Any]:
        """Return the entry of the newest full of the data set with a number."""
        listed = await self.objects((await self.objects())[number]["Full"]["ExtractsLink"])
        return max(listed, key=lambda entry: entry["QueuedForProcessingDate"])

    async def signed(self, number: int = 0) -> str:
        """Return a signed link to the newest full of a data set."""
        return str((await self.get((await self.entry(number))["DownloadLink"])).headers["Location"])


@pytest.fixture
def calling() -> type[Caller]:
    """Return the class of the bare client, for tests that start their own sandbox."""
    return Caller


async def _eventually(happened: Callable[[], object]) -> None:
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Return a function that waits until a condition holds."""
    return _eventually


Serve = Callable[..., Awaitable[Caller]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Yield a function that starts a small sandbox with these settings and signs in."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Caller:
            chosen = {"data_sets": 2, "scale": 0.01, "now": MOMENT, **settings}
            sandbox = await stack.enter_async_context(Sandbox(SandboxSettings(**chosen)))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            # By default, aiohttp resends a request whose connection was dropped.
            http._retry_connection = False
            caller = Caller(sandbox, http)
            await caller.sign_in()
            return caller

        yield start
