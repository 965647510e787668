"""The token endpoint: `POST /core/connect/token` (RFC 6749)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from aiohttp import web

from ..tenant import AUTH, Tenant
from ..web.calls import Call, Route
from .tokens import GrantRefused, scope_for

Grant = Callable[[Call, dict[str, str]], Awaitable[dict[str, Any]]]
TOKEN_PATH = "/core/connect/token"  # noqa: S105 - a path
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def token(call: Call) -> web.StreamResponse:
    """Exchange a grant for an access token and, if the grant has one, the next refresh token."""
    counters = call.tenant.log.counters
    try:
        form = await _form(call.request)
        grant = GRANTS.get(form.get("grant_type", ""))
        if grant is None:
            raise GrantRefused("unsupported_grant_type", "The grant type is missing or not known here.")
        answer = await grant(call, form)
    except GrantRefused as refused:
        counters.refused_exchanges += 1
        return _refusal(refused)
    counters.exchanges += 1
    return web.json_response(answer, headers=NO_STORE)


def _refusal(refused: GrantRefused) -> web.Response:
    challenge = {"WWW-Authenticate": 'Basic realm="sandbox"'} if refused.status == 401 else {}
    body = {"error": refused.code, "error_description": refused.description}
    return web.json_response(body, status=refused.status, headers={**NO_STORE, **challenge})


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise GrantRefused("invalid_request", "The body is not application/x-www-form-urlencoded.")
    pairs = parse_qsl(await request.text(), keep_blank_values=True)
    if len({name for name, _ in pairs}) < len(pairs):
        raise GrantRefused("invalid_request", "A parameter is given more than once.")
    return dict(pairs)


def check_client(tenant: Tenant, request: web.Request, form: dict[str, str]) -> None:
    """Check the client's id and secret, from HTTP Basic or from the form (GrantRefused; RFC 6749 section 2.3.1)."""
    if "Authorization" in request.headers:
        given = _basic(request.headers["Authorization"])
    else:
        given = f"{form.get('client_id', '')}:{form.get('client_secret', '')}"
    if not hmac.compare_digest(given.encode(), f"{tenant.client_id}:{tenant.client_secret}".encode()):
        raise GrantRefused("invalid_client", "The client is unknown, or its secret is wrong.", 401)


def _basic(header: str) -> str:
    kind, _, packed = header.partition(" ")
    try:
        text = base64.b64decode(packed, validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    return ":".join(map(unquote_plus, text.split(":", 1)))


async def by_refresh_token(call: Call, form: dict[str, str]) -> dict[str, Any]:
    """Spend a refresh token (RFC 6749 section 6)."""
    check_client(call.tenant, call.request, form)
    if not form.get("refresh_token"):
        raise GrantRefused("invalid_request", "refresh_token is missing.")
    return call.tenant.tokens.exchange(form["refresh_token"], form.get("scope") or None)


async def by_code(call: Call, form: dict[str, str]) -> dict[str, Any]:
    """Redeem an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    tenant = call.tenant
    check_client(tenant, call.request, form)
    if not form.get("code"):
        raise GrantRefused("invalid_request", "code is missing.")
    scope = tenant.codes.redeem(form["code"], form.get("redirect_uri", ""), form.get("code_verifier"))
    return {**tenant.tokens.grant_access(scope), "refresh_token": tenant.tokens.new_refresh_token(scope)}


async def by_assertion(call: Call, form: dict[str, str]) -> dict[str, Any]:
    """Accept the signed assertion of a service user (RFC 7523 section 2.2); there is no refresh token."""
    tenant = call.tenant
    audience = tenant.urls[AUTH] + TOKEN_PATH
    tenant.assertions.check(form.get("client_assertion_type"), form.get("client_assertion", ""), audience)
    granted = " ".join(sorted(tenant.settings.scopes))
    return tenant.tokens.grant_access(scope_for(granted, form.get("scope") or None))


GRANTS: dict[str, Grant] = {
    "refresh_token": by_refresh_token,
    "authorization_code": by_code,
    "client_credentials": by_assertion,
}

ROUTES = (Route.of(TOKEN_PATH, "token", POST=token),)
