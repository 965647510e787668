"""Faults that replace an answer, or drop it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from ..api.storage import xml_refusal
from ..tenant import STORAGE
from ..web.calls import Call, Refused
from ..web.connections import reset
from .model import Fault

FaultyAnswer = Callable[[Call, Fault], Awaitable[web.StreamResponse]]
#: Named targets of redirects.
PLACES = {"http": "http://storage.example/archive.zip", "unresolvable": "https://storage.invalid/archive.zip"}


async def faulty_answer(call: Call) -> web.StreamResponse | None:
    """Return the answer of a fault in place of the handler's, or None; `hang` waits first."""
    if hang := call.fault("hang"):
        await asyncio.sleep(hang["seconds"])
    for fault in call.faults:
        if fault.action in ANSWERS_BY_ACTION:
            return await ANSWERS_BY_ACTION[fault.action](call, fault)
    return None


def lose(call: Call) -> None:
    """Drop the connection after the request was carried out, if a fault says so."""
    if call.fault("lost"):
        reset(call.request)


async def _status(call: Call, fault: Fault) -> web.StreamResponse:
    headers = {str(name): str(value) for name, value in fault["headers"].items()}
    if (seconds := fault["retry_after"]) is not None:
        date = formatdate(call.tenant.clock.wall() + seconds, usegmt=True)
        headers["Retry-After"] = date if fault["retry_after_form"] == "date" else f"{seconds:g}"
    return Refused(fault["status"], fault["body"], fault["content_type"], headers).response()


async def _html(_: Call, fault: Fault) -> web.StreamResponse:
    return Refused(200, fault["body"], "text/html").response()


async def _json(_: Call, fault: Fault) -> web.StreamResponse:
    return Refused(200, json.dumps(fault["body"]), "application/json").response()


async def _reset(call: Call, _: Fault) -> web.StreamResponse:
    reset(call.request)
    return web.Response()


async def _redirect(call: Call, fault: Fault) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": _place(call, fault["to"])})


def _place(call: Call, name: str) -> str:
    if name == "loop":
        return str(call.request.url)
    if name == "tls":
        return call.tenant.urls[STORAGE].replace("http://", "https://") + "/archive.zip"
    return PLACES.get(name, name)


async def _expired(_: Call, __: Fault) -> web.StreamResponse:
    return xml_refusal(403, "AccessDenied").response()


async def _outage(call: Call, fault: Fault) -> web.StreamResponse:
    call.tenant.go_away(fault["seconds"])
    return await _reset(call, fault)


ANSWERS_BY_ACTION: dict[str, FaultyAnswer] = {
    "status": _status,
    "html": _html,
    "json": _json,
    "reset": _reset,
    "redirect": _redirect,
    "expired": _expired,
    "outage": _outage,
}
