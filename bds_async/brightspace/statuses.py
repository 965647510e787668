"""The meaning of HTTP statuses: a wait, a retry, a redirect, or a final refusal (RFC 9110 section 15)."""

from __future__ import annotations

import aiohttp
from yarl import URL

from ..errors import AuthorisationError, ExtractError, RefusedRequest, Throttled, TransientError
from .links import origin_of, to_url
from .retry import TRANSIENT_STATUSES, retry_after

REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Seconds to wait after a `429` without `Retry-After`.
UNNAMED_WAIT = 5.0


def raise_for_status(response: aiohttp.ClientResponse, own: bool) -> None:
    """Raise the error that a status means; `own` says whether the tenant itself answered.

    Raises AuthorisationError, Throttled, TransientError, RefusedRequest; nothing for an answer with content or a 416.
    """
    if response.status in (200, 203, 206, 416):
        return
    said = f"{_place(response.url, own)} answered {response.status}"
    if response.status < 300:
        raise _transient(response, f"{said} in place of the content")
    if own and response.status == 401:
        raise AuthorisationError(f"{said} to a fresh access token; run `bds-async login` again.")
    seconds = asked_wait(response)
    if seconds is not None:
        raise Throttled(f"{said} and asked to wait {seconds:.0f} s.", seconds)
    if response.status in TRANSIENT_STATUSES:
        raise _transient(response, said)
    raise RefusedRequest(f"{said}.", str(origin_of(response.url)), response.status)


def _transient(response: aiohttp.ClientResponse, said: str) -> TransientError:
    seconds = retry_after(response.headers)
    return TransientError(f"{said}.") if seconds is None else Throttled(f"{said}.", seconds)


def asked_wait(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that a 429, or a 403 for a quota, asks to wait; None for any other answer."""
    if response.status not in (429, 403):
        return None
    seconds = retry_after(response.headers)
    return UNNAMED_WAIT if seconds is None and response.status == 429 else seconds


def redirect_target(response: aiohttp.ClientResponse) -> URL:
    """The target of a redirect; raises TransientError if it names none, ExtractError for an unusable URL."""
    location = response.headers.get("Location")
    if not location:
        raise TransientError(f"{response.url.host} sent a redirect without a target.")
    target = response.url.join(to_url(location))
    if origin_of(target) is None:
        raise ExtractError(f"{response.url.host} redirects to something that is not a usable URL.")
    return target


def _place(url: URL, own: bool) -> str:
    """A name for logs: the path on the tenant, elsewhere only the host, never a query, which may be a signature."""
    return url.path if own else url.host or "the storage"
