"""Receives the redirect of a consent on this machine, if the redirect address is plain http on loopback (RFC 8252)."""

from __future__ import annotations

import asyncio
import functools
import html
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from ...errors import AuthorisationError
from .consent import Consent, ForeignRedirect

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>bds-async</title></head>
<body><h1>bds-async</h1><p>{said}</p></body></html>
"""
#: The address holds the code, so the browser must neither cache it nor send it as a referrer.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'",
}
_DONE = "The consent has arrived. You can close this page and go back to the terminal."


def can_listen(consent: Consent) -> bool:
    """Whether the redirect can be received on this machine; https would need a certificate."""
    return URL(consent.redirect_uri).scheme == "http"


@asynccontextmanager
async def listening(consent: Consent) -> AsyncIterator[asyncio.Future[SecretStr]]:
    """Listen at the redirect address inside the context.

    The future gets the code, or the AuthorisationError. A request that does not belong to this consent gets an error
    page and changes nothing. Raises OSError if the port can't be opened.
    """
    arrived: asyncio.Future[SecretStr] = asyncio.get_running_loop().create_future()
    address = URL(consent.redirect_uri)
    application = web.Application()
    application.router.add_get(address.path, functools.partial(_answer, consent=consent, arrived=arrived))
    runner = web.AppRunner(application, access_log=None, logger=_silent(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        yield arrived
    finally:
        await runner.cleanup()
        arrived.cancel()


def _silent() -> logging.Logger:
    """A logger that drops everything: the server's messages about malformed requests quote the requests."""
    silent = logging.getLogger(f"{__name__}.server")
    silent.propagate = False
    silent.addHandler(logging.NullHandler())
    return silent


async def _answer(request: web.Request, consent: Consent, arrived: asyncio.Future[SecretStr]) -> web.Response:
    try:
        code = consent.code_in(request.rel_url.raw_query_string)
    except ForeignRedirect as error:
        return _page(str(error), 400)
    except AuthorisationError as error:
        if not arrived.done():
            arrived.set_exception(error)
        return _page(str(error), 200)
    if not arrived.done():
        arrived.set_result(code)
    return _page(_DONE, 200)


def _page(said: str, status: int) -> web.Response:
    text = _PAGE.format(said=html.escape(said))
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)
