"""Faults in bodies: validators, ranges, lengths, and how the bytes arrive."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ..web.body import Body
from ..web.calls import Call
from ..web.ranges import Selection, select
from .model import Fault


def faulty_validators(call: Call, true: dict[str, str]) -> dict[str, str]:
    """Return the validators to send: the true ones, or those of a fault."""
    fault = call.fault("etag")
    if fault is None:
        return true
    if fault["value"] == "none" or "ETag" not in true:
        return {}
    if fault["value"] == "weak":
        return {"ETag": "W/" + true["ETag"]}
    return {"ETag": f'"{secrets.token_hex(8)}"'}


def faulty_selection(call: Call, true: dict[str, str], sent: dict[str, str], total: int) -> Selection:
    """Choose the bytes to answer with; faults may ignore or refuse the range."""
    how = fault["how"] if (fault := call.fault("ranges")) else None
    if how == "ignored" or call.fault("gzip") or not call.tenant.settings.ranges:
        return Selection(200, 0, total)
    if how == "refused" and call.seen.range:
        return Selection(416, 0, 0)
    swapped = (fault := call.fault("etag")) is not None and fault["value"] == "swapped"
    weak = any(value.startswith("W/") for value in sent.values())
    return select(call.request, {} if weak else true if swapped else sent, total)


def apply_body_faults(call: Call, body: Body, total: int) -> None:
    """Apply the faults of this request to a body."""
    for fault in call.faults:
        if fault.action in BODY_FAULTS:
            BODY_FAULTS[fault.action](body, fault, total)


def _cut(body: Body, fault: Fault, _: int) -> None:
    if fault["after"] < body.length:
        body.length, body.framing, body.ending = fault["after"], fault["framing"], fault["ending"]
    if body.ending == "silent":
        body.ending = None if body.framing == "chunked" else "close"


def _stall(body: Body, fault: Fault, _: int) -> None:
    body.stall_after, body.stall_seconds = min(fault["after"], body.length), fault["seconds"]


def _trickle(body: Body, fault: Fault, _: int) -> None:
    body.rate = fault["rate"]


def _length(body: Body, fault: Fault, _: int) -> None:
    if fault["declared"] == "longer":
        body.declared, body.ending = body.declared + fault["by"], "close"
    elif fault["declared"] == "shorter":
        body.declared = body.length = max(0, body.length - fault["by"])
    else:
        body.framing = fault["declared"]


def _gzip(body: Body, _: Fault, __: int) -> None:
    body.headers["Content-Encoding"] = "gzip"


def _ranges(body: Body, fault: Fault, total: int) -> None:
    if body.selection.status != 206:
        return
    start = body.selection.start
    if fault["how"] == "wrong_start":
        start = max(0, start - fault["by"])
    elif fault["how"] == "wrong_total":
        total += fault["by"]
    body.selection = Selection(206, start, start + body.length)
    body.headers["Content-Range"] = f"bytes {start}-{start + body.length - 1}/{total}"


BODY_FAULTS: dict[str, Callable[[Body, Fault, int], None]] = {
    "cut": _cut,
    "stall": _stall,
    "trickle": _trickle,
    "length": _length,
    "gzip": _gzip,
    "ranges": _ranges,
}
