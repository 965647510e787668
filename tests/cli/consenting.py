"""The real `bds-async login` in a separate process, and the browser of the consenting person."""

import asyncio
import json
import os
import re
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import aiohttp
from yarl import URL

from bds_async.sandbox import Sandbox
from tests.support.commands import begun, ended
from tests.support.forked import Forked

#: An environment without anything from this machine: no desktop, no proxy, no settings.
ENVIRON = {
    key: value
    for key, value in os.environ.items()
    if key.upper() in ("PATH", "SYSTEMROOT", "TEMP", "TMP", "PYTHONPATH", "COVERAGE_PROCESS_START")
}


def config_file(sandbox: Sandbox, folder: Path, **keys: object) -> Path:
    """A config.json whose refresh token is still the sample's placeholder."""
    path = folder / "config.json"
    path.write_text(json.dumps({**sandbox.config(), "refresh_token": "<written by login>", **keys}))
    path.chmod(0o600)
    return path


def stored_token(config: Path) -> str:
    """The refresh token currently in the config."""
    return str(json.loads(config.read_text())["refresh_token"])


@dataclass
class Login:
    """A running login."""

    process: Process | Forked
    page: URL

    async def ends(self, stdin: bytes = b"") -> tuple[int, str, str]:
        """Wait for its end; return its exit code, the rest of its stdout, and its stderr."""
        out, err = await asyncio.wait_for(self.process.communicate(stdin), 60)
        return self.process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def begin(*arguments: object, environ: dict[str, str] | None = None) -> AsyncIterator[Process | Forked]:
    """Start the command; it is killed if it still runs at the end of the context."""
    async with ended(await begun(["login", *map(str, arguments)], None, ENVIRON | (environ or {}))) as process:
        yield process


@asynccontextmanager
async def login(*arguments: object, environ: dict[str, str] | None = None) -> AsyncIterator[Login]:
    """Start the command and wait for the address of the consent page."""
    async with begin(*arguments, environ=environ) as process:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        yield Login(process, URL(line.decode().strip(), encoded=True))


async def consent(page: URL, decision: str = "allow") -> URL:
    """Load the consent page, submit its form, and return the address to which the browser is redirected."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(page, allow_redirects=False) as response:
            if response.status == 302:
                return URL(response.headers["Location"], encoded=True)
            content = await response.text()
        form = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', content)}
        where, form["decision"] = page.with_query(None), decision
        async with browser.post(where, data=form, allow_redirects=False) as response:
            return URL(response.headers["Location"], encoded=True)


async def follow(address: URL) -> str:
    """Follow a redirect as the browser does."""
    async with aiohttp.ClientSession() as browser, browser.get(address) as response:
        return await response.text()


def secrets_of(sandbox: Sandbox, *addresses: URL) -> list[str]:
    """Everything that no output may contain: client secret, all tokens of the sandbox, the codes in these addresses."""
    tokens = sandbox._tenant.tokens
    codes = [address.query["code"] for address in addresses if "code" in address.query]
    return [sandbox.client_secret, *tokens._refresh, *tokens._access, *codes]
