"""A headless Chromium through the W3C WebDriver protocol, of which a sign-in needs six commands."""

import asyncio
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
#: No traffic except to this machine, and no stored data.
FLAGS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, http: aiohttp.ClientSession, root: str) -> None:
        self._http, self._root = http, root

    async def command(self, method: str, path: str, **body: object) -> Any:
        """Send one command; return its `value`, even if it failed."""
        sent: dict[str, Any] = {"json": body} if method == "POST" else {}
        async with self._http.request(method, f"{self._root}{path}", **sent) as response:
            return (await response.json())["value"]

    async def open(self, address: str) -> None:
        """Open a page; if it cannot be loaded, the browser shows its own error page."""
        await self.command("POST", "/url", url=address)

    async def click(self, css: str) -> None:
        """Click the element that a CSS selector names."""
        found = await self.command("POST", "/element", using="css selector", value=css)
        await self.command("POST", f"/element/{found[_ELEMENT]}/click")

    async def address_with(self, part: str) -> str:
        """The address in the address bar, once it contains `part`."""
        return await self._once(part, self._address)

    async def text_with(self, part: str) -> str:
        """The text of the page, once it contains `part`."""
        return await self._once(part, self._text)

    async def _once(self, part: str, read: Callable[[], Awaitable[str]]) -> str:
        """Read until the result contains `part`, since pages load asynchronously."""
        async with asyncio.timeout(30):
            while part not in (found := await read()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            return found

    async def _address(self) -> str:
        return str(await self.command("GET", "/url"))

    async def _text(self) -> str:
        found = await self.command("POST", "/element", using="css selector", value="body")
        return str(await self.command("GET", f"/element/{found.get(_ELEMENT)}/text"))


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """Start chromedriver and a Chromium with a fresh profile in `folder`."""
    assert CHROMEDRIVER is not None
    driver = await asyncio.create_subprocess_exec(CHROMEDRIVER, "--port=0", stdout=PIPE, stderr=DEVNULL)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            root = f"http://127.0.0.1:{await _port(driver)}/session"
            sandboxed = [] if hasattr(os, "geteuid") and os.geteuid() != 0 else ["--no-sandbox"]
            options = {"binary": CHROMIUM, "args": [*FLAGS, *sandboxed, f"--user-data-dir={folder}"]}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
            session = await Browser(http, root).command("POST", "", capabilities=wanted)
            window = Browser(http, f"{root}/{session['sessionId']}")
            try:
                yield window
            finally:
                await window.command("DELETE", "")
    finally:
        driver.terminate()
        await driver.wait()


async def _port(driver: asyncio.subprocess.Process) -> int:
    assert driver.stdout is not None
    async for line in driver.stdout:
        if found := re.search(rb"started successfully on port (\d+)", line):
            return int(found[1])
    raise OSError("chromedriver did not start")
