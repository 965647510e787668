"""`bds-async login`: walks a person through OAuth consent once."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

import click
from pydantic import SecretStr

from ..brightspace.login import (
    REDIRECT_URI,
    Consent,
    ForeignRedirect,
    can_listen,
    listening,
    prove_home,
    scope_to_ask_for,
    sign_in,
)
from ..config import Config
from ..errors import AuthorisationError, ConfigError
from ..support.text import counted
from .browser import open_page
from .pasted import lines
from .running import run_simple
from .settings import common_options, settings

logger = logging.getLogger(__name__)

_PASTE = "Then paste here the address that the browser ended on"
#: What to do next, by whether this machine listens for the redirect.
_HOW = {
    False: f"{_PASTE} (it most likely can't show the page; the address is what counts):",
    True: f"{_PASTE}, unless it was on this machine and says that the consent has arrived.",
}
#: Seconds that a person may take at the consent page.
PATIENCE = 900.0


@click.command("login")
@click.option(
    "--redirect-uri",
    default=REDIRECT_URI,
    show_default=True,
    metavar="ADDRESS",
    help="Redirect address; it must be the one that the application is registered with, letter by letter.",
)
@click.option(
    "--scope",
    metavar="SCOPE",
    help="What to ask consent for, in quotes if several [default: the config's scope, or datasets:bds:read]. For "
    'tenants that know the old routes alone: "datahub:dataexports:read datahub:dataexports:download".',
)
@click.option("--no-browser", is_flag=True, help="Only print the address of the consent page; open no browser.")
@common_options
def command(redirect_uri: str, scope: str | None, *, no_browser: bool) -> int:
    """Sign in once: a person consents in a browser, and the first refresh token is stored.

    Prints the address of the consent page. After consenting, the browser ends on an address that begins with the
    redirect address: most likely it can't show that page, which does not matter. Paste that address here. It works
    over ssh: the browser may run on any machine.
    """
    config = Config.load_for_login(settings().config)
    consent = Consent.ask(config, redirect_uri, scope_to_ask_for(config, scope))
    show = _print_address if no_browser else _print_and_open
    visible = run_simple(_login(config, consent, show))
    are = "is" if visible == 1 else "are"
    logger.info("Signed in to %s: %s %s visible.", config.bspace_url, counted(visible, "data set"), are)
    if not visible:
        logger.warning("There is no data set to pull yet: Brightspace Data Sets have to be enabled for the tenant.")
    return 0


async def _login(config: Config, consent: Consent, show: Callable[[str], None]) -> int:
    await prove_home(config)
    async with AsyncExitStack() as stack:
        arrival = await _arrival(consent, stack)
        show(str(consent.page))
        logger.info(_HOW[arrival is not None])
        code = await _first(consent, arrival)
    return await sign_in(config, consent, code)


def _print_address(address: str) -> None:
    logger.info("Open this address in a browser, on any machine, and consent:")
    click.echo(address)


def _print_and_open(address: str) -> None:
    _print_address(address)
    open_page(address)


async def _arrival(consent: Consent, stack: AsyncExitStack) -> asyncio.Future[SecretStr] | None:
    """The code as the browser brings it; None where nothing can listen at the redirect address."""
    if not can_listen(consent):
        return None
    try:
        return await stack.enter_async_context(listening(consent))
    except OSError as error:
        logger.warning("Can't listen at %s (%s); paste the address instead.", consent.redirect_uri, error.strerror)
        return None


async def _first(consent: Consent, arrival: asyncio.Future[SecretStr] | None) -> SecretStr:
    """The code, whichever way it comes first."""
    pasted = asyncio.create_task(_pasted(consent, arrival))
    ways = {pasted} if arrival is None else {pasted, arrival}
    try:
        done, _ = await asyncio.wait(ways, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pasted.cancel()
    if not done:
        raise AuthorisationError(f"Nobody consented within {PATIENCE / 60:.0f} minutes; run `bds-async login` again.")
    return min(done, key=lambda way: way.exception() is not None).result()


async def _pasted(consent: Consent, arrival: asyncio.Future[SecretStr] | None) -> SecretStr:
    """The code in a pasted address; who pipes it in has one try, who types has as many as it takes."""
    async for line in lines():
        try:
            if line.strip():
                return consent.code_in(line)
        except ForeignRedirect as error:
            if not sys.stdin.isatty():
                raise
            logger.warning("%s", error)
    if arrival is None:
        raise ConfigError("Nothing was pasted: login needs the address that the browser ended on, as a line of stdin.")
    return await asyncio.shield(arrival)
