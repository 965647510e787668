"""The consent page of `login`: `GET` and `POST /oauth2/auth` (RFC 6749 section 4.1, PKCE of RFC 7636)."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import urlsplit

from aiohttp import web
from yarl import URL

from ..web.calls import Call, Refused, Route
from .codes import Consent
from .scopes import resolved

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox: allow access?</title></head>
<body><h1>Allow access?</h1>
<p>The application <strong>{client}</strong> asks for these scopes:</p>
<ul>{scopes}</ul>
<form method="post" action="/oauth2/auth">{fields}
<button type="submit" name="decision" value="allow" id="allow">Allow</button>
<button type="submit" name="decision" value="deny" id="deny">Deny</button>
</form></body></html>
"""
FIELDS = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")


async def ask(call: Call) -> web.StreamResponse:
    """Show the page, or redirect the browser back with the error of the request."""
    query = call.request.query
    _check_destination(call, query)
    if error := _error(call, query):
        return _back(query, error=error)
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in _scope(call, query).split())
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(query[name])}">' for name in FIELDS if name in query
    )
    page = PAGE.format(client=escape(query["client_id"]), scopes=scopes, fields=fields)
    return Refused(200, page, "text/html", {"Cache-Control": "no-store"}).response()


async def decide(call: Call) -> web.StreamResponse:
    """Redirect the browser back with a code, or with the refusal."""
    posted = await call.request.post()
    form = {name: value for name, value in posted.items() if isinstance(value, str)}
    _check_destination(call, form)
    if error := _error(call, form):
        return _back(form, error=error)
    if form.get("decision") != "allow":
        return _back(form, error="access_denied")
    scope = resolved(_granted(call), _scope(call, form)) or ""
    consent = Consent(scope, form["redirect_uri"], form.get("code_challenge"))
    return _back(form, code=call.tenant.codes.issue(consent))


def is_acceptable(redirect_uri: str) -> bool:
    """Return whether an address may be a redirect URI: https, or plain http on loopback."""
    try:
        parts = urlsplit(redirect_uri)
        loopback = parts.hostname in LOOPBACK
    except ValueError:
        return False
    if parts.fragment or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and loopback)


def _check_destination(call: Call, form: Mapping[str, str]) -> None:
    """Refuse an unknown client or redirect URI without a redirect (RFC 6749 section 4.1.2.1)."""
    if form.get("client_id") != call.tenant.client_id:
        raise Refused(400, "invalid_client: this application is not registered\n", "text/plain")
    if not is_acceptable(form.get("redirect_uri", "")):
        raise Refused(400, "invalid_request: the redirect URI must be https (http on loopback only)\n", "text/plain")


def _error(call: Call, form: Mapping[str, str]) -> str | None:
    if form.get("response_type") != "code":
        return "unsupported_response_type"
    if form.get("code_challenge") and form.get("code_challenge_method") != "S256":
        return "invalid_request"
    return None if resolved(_granted(call), _scope(call, form)) else "invalid_scope"


def _granted(call: Call) -> str:
    return " ".join(sorted(call.tenant.settings.scopes))


def _scope(call: Call, form: Mapping[str, str]) -> str:
    return form.get("scope") or _granted(call)


def _back(form: Mapping[str, str], **answer: str) -> web.Response:
    state = {"state": form["state"]} if "state" in form else {}
    location = URL(form["redirect_uri"]).update_query({**answer, **state})
    return web.Response(status=302, headers={"Location": str(location), "Cache-Control": "no-store"})


ROUTES = (Route.of("/oauth2/auth", "consent", GET=ask, POST=decide),)
