"""The entry point of each origin: log, latency, faults, route, answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from ..data.extracts import SandboxDataSet
from ..data.history import DIFFERENTIAL, FULL
from ..data.spool import SpoolClosed
from ..faults.answers import faulty_answer, lose
from ..faults.plan import Target
from ..seen import SeenRequest
from ..tenant import Tenant
from .calls import Call, Handler, Refused, Route

CALL: web.RequestKey[Call] = web.RequestKey("call", Call)


class OriginServer:
    """The request handler of one origin."""

    def __init__(self, tenant: Tenant, origin: str, routes: Sequence[Route]) -> None:
        self._tenant, self._origin, self._routes = tenant, origin, routes

    def application(self) -> web.Application:
        """Return the application that serves this origin."""
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/{path:.*}", self._serve)
        application.on_response_prepare.append(_add_headers)
        return application

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        handler, call = self._understand(request)
        self._tenant.log.add(call.seen)
        request[CALL] = call
        if self._tenant.settings.latency:
            await asyncio.sleep(self._tenant.settings.latency)
        try:
            response = await faulty_answer(call) or await handler(call)
        except Refused as refused:
            response = refused.response()
        except (ConnectionError, SpoolClosed):
            # The client has disconnected, or the sandbox is stopping: no answer is possible.
            return web.Response()
        lose(call)
        if request.transport is not None and not request.transport.is_closing():
            call.seen.status = response.status
        return response

    def _understand(self, request: web.Request) -> tuple[Handler, Call]:
        route, match = self._route(request.path)
        params = match.groupdict() if match else {}
        data_set, bds_type = self._subject(params)
        kind = route.kind if route else "unknown"
        seen = SeenRequest(
            self._origin, request.method, request.path, kind, data_set.name if data_set else None, bds_type
        )
        seen.authorised, seen.range = "Authorization" in request.headers, request.headers.get("Range")
        call = Call(self._tenant, request, seen, kind, params, data_set, bds_type)
        target = Target(kind, seen.data_set, bds_type, params.get("link") or "", seen.range is not None)
        call.faults = self._tenant.faults.active(target)
        seen.faults = tuple(fault.action for fault in call.faults)
        if route is None:
            return _nothing, call
        return route.handlers.get(request.method, _wrong_method), call

    def _route(self, path: str) -> tuple[Route, re.Match[str]] | tuple[None, None]:
        """Find the route of a path. It may begin with two slashes, as from clients whose base URL ends in a slash."""
        for route in self._routes:
            if match := route.path.fullmatch("/" + path.lstrip("/")):
                return route, match
        return None, None

    def _subject(self, params: dict[str, str]) -> tuple[SandboxDataSet | None, str | None]:
        catalogue, plugin = self._tenant.catalogue, params.get("plugin", "").lower()
        data_set = catalogue.by_plugin(plugin) or catalogue.by_schema(params.get("schema", ""))
        if data_set is None or not plugin:
            return data_set, None
        return data_set, DIFFERENTIAL if plugin == data_set.differential_id else FULL


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if CALL in request:
        call = request[CALL]
        response.headers.update(call.headers)
        if (moment := call.tenant.clock.moment()) > datetime.now(UTC):
            # The tenant's `Date` must not be older than its data.
            response.headers["Date"] = format_datetime(moment, usegmt=True)


async def _nothing(_: Call) -> web.StreamResponse:
    raise Refused(404, "Not Found\n", "text/plain")


async def _wrong_method(_: Call) -> web.StreamResponse:
    raise Refused(405, "Method Not Allowed\n", "text/plain")
