"""What the status of an answer means: a wait, another try, a redirect, or the last word (RFC 9110 section 15)."""

from __future__ import annotations

import aiohttp
from yarl import URL

from ..errors import AuthorisationError, ExtractError, RefusedRequest, Throttled, TransientError
from .links import origin_of, to_url
from .retry import TRANSIENT_STATUSES, retry_after

REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Seconds to wait where a server says `429` and not how long.
UNNAMED_WAIT = 5.0


def raise_for_status(response: aiohttp.ClientResponse, own: bool) -> None:
    """Turn an HTTP status that is no success into the error that it means (RFC 9110 section 15)."""
    if response.status < 300 or response.status == 416:
        return
    said = f"{_place(response.url, own)} answered {response.status}"
    if own and response.status == 401:
        raise AuthorisationError(f"{said} to a fresh access token; run `bds-async login` again.")
    seconds = asked_wait(response)
    if seconds is not None:
        raise Throttled(f"{said} and asked to wait {seconds:.0f} s.", seconds)
    if response.status in TRANSIENT_STATUSES:
        raise _perhaps_later(response, said)
    raise RefusedRequest(f"{said}.", str(origin_of(response.url)), response.status)


def _perhaps_later(response: aiohttp.ClientResponse, said: str) -> TransientError:
    seconds = retry_after(response.headers)
    return TransientError(f"{said}.") if seconds is None else Throttled(f"{said}.", seconds)


def asked_wait(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that a 429, or a 403 for a quota, asks to wait; None for any other answer."""
    if response.status not in (429, 403):
        return None
    seconds = retry_after(response.headers)
    return UNNAMED_WAIT if seconds is None and response.status == 429 else seconds


def redirect_target(response: aiohttp.ClientResponse) -> URL:
    """Where a redirect leads; raises TransientError if it leads nowhere, ExtractError for what is no usable URL."""
    location = response.headers.get("Location")
    if not location:
        raise TransientError(f"{response.url.host} redirects to nowhere.")
    target = response.url.join(to_url(location))
    if origin_of(target) is None:
        raise ExtractError(f"{response.url.host} redirects to what is not a usable URL.")
    return target


def _place(url: URL, own: bool) -> str:
    """A name for logs: the path on the tenant, the host alone elsewhere, never a query, which may be a signature."""
    return url.path if own else url.host or "the storage"
