"""`bds-async login` with a real headless Chromium at the consent page; skipped if there is none."""

import asyncio
import socket

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.cli.consenting import config_file, login, stored_token
from tests.cli.webdriver import CHROMEDRIVER, CHROMIUM, browser

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None, reason="there is no Chromium with chromedriver here"
)


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=2, scale=0.01)) as running:
        yield running


@pytest.fixture
async def window(tmp_path):
    async with browser(tmp_path / "profile") as opened:
        yield opened


@pytest.fixture
def config(sandbox, tmp_path):
    return config_file(sandbox, tmp_path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_the_address_of_a_page_that_can_not_be_shown_is_the_one_to_paste(sandbox, config, window):
    """The registered address is https and nothing listens there: the browser keeps the address, including the code."""
    redirect = f"https://localhost:{free_port()}/callback"
    async with login("--config", config, "--redirect-uri", redirect) as command:
        await window.open(str(command.page))
        await window.text_with("datasets:bds:read")
        await window.click("#allow")
        address = await window.address_with("code=")
        code, _, err = await command.ends(f"{address}\n".encode())
    assert address.startswith(f"{redirect}?")
    assert (code, "2 data sets are visible" in err) == (0, True)
    assert sandbox.is_live(stored_token(config))


async def test_a_loopback_address_brings_the_person_back_without_any_paste(sandbox, config, window):
    redirect = f"http://localhost:{free_port()}/callback"
    async with login("--config", config, "--redirect-uri", redirect) as command:
        await window.open(str(command.page))
        await window.click("#allow")
        await window.text_with("go back to the terminal")
        assert await asyncio.wait_for(command.process.wait(), 60) == 0
    assert sandbox.is_live(stored_token(config))


async def test_who_denies_reads_it_in_the_browser_and_in_the_terminal(config, window):
    redirect = f"http://localhost:{free_port()}/callback"
    async with login("--config", config, "--redirect-uri", redirect) as command:
        await window.open(str(command.page))
        await window.click("#deny")
        await window.text_with("consent was refused")
        code, _, err = await command.ends()
    assert (code, "consent was refused" in err) == (4, True)
