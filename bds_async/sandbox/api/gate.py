"""The checks before each route of the tenant: bearer, rate limit, version in the path, scope."""

from __future__ import annotations

import json
from functools import wraps

from aiohttp import web

from ..auth.scopes import covers
from ..auth.tokens import Access
from ..web.calls import Call, Handler, Refused


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Refused:
    """Return an error answer of the tenant, in JSON."""
    return Refused(status, json.dumps({"Errors": [{"Message": message}]}), "application/json", headers)


def guarded(family: str, scope: str, handler: Handler) -> Handler:
    """Wrap the handler of a route of one family ("new" or "old") that needs a scope."""

    @wraps(handler)
    async def checked(call: Call) -> web.StreamResponse:
        """Check bearer, rate limit, version and scope, in this order; then call the handler."""
        access = _bearer(call)
        _charge(call)
        settings = call.tenant.settings
        if call.params["lp"] not in settings.lp_versions or family not in settings.route_families:
            raise refusal(404, "Unsupported API version or route")
        if not covers(access.scope, scope):
            raise refusal(
                403, "Insufficient scope to call this API", {"WWW-Authenticate": _challenge("insufficient_scope")}
            )
        return await handler(call)

    return checked


def _bearer(call: Call) -> Access:
    kind, _, token = call.request.headers.get("Authorization", "").partition(" ")
    access = call.tenant.tokens.access(token.strip()) if kind.lower() == "bearer" else None
    if access is None:
        raise refusal(401, "Invalid token", {"WWW-Authenticate": _challenge("invalid_token")})
    return access


def _charge(call: Call) -> None:
    budget = call.tenant.budget
    accepted = budget.charge()
    call.headers.update(budget.headers())
    if not accepted:
        call.tenant.log.counters.throttled += 1
        raise refusal(429, "Rate limit exceeded", {"Retry-After": budget.retry_after()})


def _challenge(error: str) -> str:
    return f'Bearer realm="sandbox", error="{error}"'
