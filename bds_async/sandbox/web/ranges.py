"""`Range` and `If-Range` (RFC 9110 section 14) for one object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime

from aiohttp import web

from ..data.extracts import SandboxExtract
from ..data.tables import stable_number
from ..settings import SandboxSettings

ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Selection:
    """The part of an object to answer with: bytes from `start` up to `stop`, which is excluded."""

    status: int
    start: int
    stop: int


def select(request: web.Request, validators: dict[str, str], total: int) -> Selection:
    """Choose the status and the bytes for a request; several ranges get the whole object, as from real storages."""
    whole = Selection(200, 0, total)
    match = ONE_RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    condition = request.headers.get("If-Range")
    if match is None or match.groups() == ("", "") or (condition and condition not in validators.values()):
        return whole
    start, stop = _bounds(match[1], match[2], total)
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return whole
    return Selection(206, start, stop) if start < stop else Selection(416, 0, 0)


def _bounds(first: str, last: str, total: int) -> tuple[int, int]:
    if not first:
        return max(0, total - int(last)), total
    return int(first), min(int(last) + 1, total) if last else total


def validators(extract: SandboxExtract, settings: SandboxSettings) -> dict[str, str]:
    """Return the `ETag` (strong) and `Last-Modified` of an extract, if the storage sends them."""
    if not settings.etags:
        return {}
    tag = f"{stable_number('etag', settings.seed, settings.scale, *extract.identity):016x}"
    return {"ETag": f'"{tag}"', "Last-Modified": format_datetime(extract.created.replace(microsecond=0), usegmt=True)}
