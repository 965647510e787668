"""`bds-async login`: guide a person through OAuth consent once."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

import click
from pydantic import SecretStr

from ...brightspace.login import (
    REDIRECT_URI,
    Consent,
    ForeignRedirect,
    can_listen,
    listening,
    prove_home,
    scope_to_ask_for,
    sign_in,
)
from ...config import Config
from ...errors import AuthorisationError, ConfigError
from ...support.log import event
from ...support.os_errors import reason
from ...support.text import counted
from ..help import GroupedCommand
from ..options.settings import common_options, settings
from ..process.running import run_simple
from .browser import open_page
from .pasted import lines

logger = logging.getLogger(__name__)

_PASTE = "Then paste here the address that the browser ended on"
#: What to do next, by whether this machine listens for the redirect.
_HOW = {
    False: f"{_PASTE} (it most likely can't show the page; only the address matters):",
    True: f"{_PASTE}, unless it was on this machine and says that the consent has arrived.",
}
#: Seconds that a person has for the consent page.
PATIENCE = 900.0


@click.command("login", cls=GroupedCommand)
@click.option(
    "--redirect-uri",
    default=REDIRECT_URI,
    show_default=True,
    metavar="ADDRESS",
    help="Redirect address, exactly as the application is registered with it.",
)
@click.option(
    "--scope",
    metavar="SCOPE",
    help="Scopes to request, in quotes if several [default: the config's scope, or datasets:bds:read]. For tenants "
    'that know only the old routes: "datahub:dataexports:read datahub:dataexports:download".',
)
@click.option("--no-browser", is_flag=True, help="Print the address of the consent page without opening a browser.")
@common_options
def command(redirect_uri: str, scope: str | None, *, no_browser: bool) -> int:
    """Sign in once: a person consents in a browser, and the first refresh token is stored.

    Prints the address of the consent page. After consenting, the browser ends on an address that begins with the
    redirect address. Most likely it cannot show that page, which does not matter: paste that address here. This works
    over ssh, since the browser may run on any machine.
    """
    config = Config.load_for_login(settings().config)
    consent = Consent.ask(config, redirect_uri, scope_to_ask_for(config, scope))
    show = _print_address if no_browser else _print_and_open
    visible = run_simple(_login(config, consent, show))
    are = "is" if visible == 1 else "are"
    text = f"Signed in to {config.bspace_url}: {counted(visible, 'data set')} {are} visible."
    logger.info("%s", text, extra=event("login.done", tenant=config.bspace_url, data_sets=visible))
    if not visible:
        text = "There is no data set to pull yet: Brightspace Data Sets must be enabled for the tenant."
        logger.warning(text, extra=event("login.no_data_sets"))
    return 0


async def _login(config: Config, consent: Consent, show: Callable[[str], None]) -> int:
    await prove_home(config)
    async with AsyncExitStack() as stack:
        arrival = await _arrival(consent, stack)
        show(str(consent.page))
        logger.info(_HOW[arrival is not None], extra=event("login.paste"))
        code = await _first(consent, arrival)
    return await sign_in(config, consent, code)


def _print_address(address: str) -> None:
    logger.info("Open this address in a browser, on any machine, and consent:", extra=event("login.open"))
    click.echo(address)


def _print_and_open(address: str) -> None:
    _print_address(address)
    open_page(address)


async def _arrival(consent: Consent, stack: AsyncExitStack) -> asyncio.Future[SecretStr] | None:
    """Wait for the code from the browser; None if nothing can listen at the redirect address."""
    if not can_listen(consent):
        return None
    try:
        return await stack.enter_async_context(listening(consent))
    except OSError as error:
        text = f"Can't listen at {consent.redirect_uri} ({reason(error)}); paste the address instead."
        logger.warning("%s", text, extra=event("login.no_listener", redirect_uri=consent.redirect_uri))
        return None


async def _first(consent: Consent, arrival: asyncio.Future[SecretStr] | None) -> SecretStr:
    """Return the first code that arrives: from the browser or pasted."""
    pasted = asyncio.create_task(_pasted(consent, arrival))
    ways = {pasted} if arrival is None else {pasted, arrival}
    try:
        done, _ = await asyncio.wait(ways, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pasted.cancel()
    if not done:
        raise AuthorisationError(f"No consent within {PATIENCE / 60:.0f} minutes; run `bds-async login` again.")
    return min(done, key=lambda way: way.exception() is not None).result()


async def _pasted(consent: Consent, arrival: asyncio.Future[SecretStr] | None) -> SecretStr:
    """Return the code in a pasted address. Piped input has one try; a person at a terminal may try again."""
    async for line in lines():
        try:
            if line.strip():
                return consent.code_in(line)
        except ForeignRedirect as error:
            if not sys.stdin.isatty():
                raise
            logger.warning("%s", error, extra=event("login.wrong_address"))
    if arrival is None:
        raise ConfigError("Nothing was pasted: login needs the address that the browser ended on, as a line of stdin.")
    return await asyncio.shield(arrival)
