"""Observations of the storage behind a tenant: ranges, validators, lengths, the lifetime of links.

Neither a link nor a signature is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDictProxy
from yarl import URL

from ..brightspace import Tenant
from ..errors import ExtractError, RefusedRequest
from ..models import Extract
from ..support.text import printable
from ..transfer.served import content_range, strong_validator
from .signed_links import life

#: Upper bound for the characters of server text that are shown.
_LETTERS = 120
#: Request the zip without a content coding, which would change its length and ranges.
AS_IT_IS = {"Accept-Encoding": "identity"}
_FIRST_BYTE = {**AS_IT_IS, "Range": "bytes=0-0"}
#: An entity tag that belongs to no object.
_FOREIGN_TAG = '"bds-async-doctor"'


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A zip that was downloaded whole: the URL after redirects, the answer's headers, its length and members."""

    url: URL = field(repr=False)
    headers: CIMultiDictProxy[str] = field(repr=False)
    size: int
    members: tuple[str, ...]


def described(tenant: Tenant, now: float, extract: Extract, downloaded: Downloaded) -> dict[str, Any]:
    """Observations of the answer to a plain GET; neither the link nor its signature."""
    is_direct = tenant.is_own(downloaded.url)
    parameter, seconds = (None if is_direct else life(downloaded.url, now)) or (None, None)
    length, listed = downloaded.headers.get("Content-Length", ""), extract.download_size
    return {
        "data_set": extract.data_set,
        "bds_type": extract.bds_type.value,
        "delivered": "direct" if is_direct else "redirect",
        "storage_host": None if is_direct else downloaded.url.host,
        "link_expiry_parameter": parameter,
        "link_life_seconds": seconds,
        "download_size": listed,
        "content_length": int(length) if length.isdecimal() else None,
        "received_bytes": downloaded.size,
        "download_size_is_the_length": None if listed is None else listed == downloaded.size,
        "etag": _strength(downloaded.headers.get("ETag")),
        "last_modified": "Last-Modified" in downloaded.headers,
        "accept_ranges": _header(downloaded, "Accept-Ranges"),
        "content_type": _header(downloaded, "Content-Type"),
        "content_encoding": _header(downloaded, "Content-Encoding"),
        "members": list(downloaded.members),
    }


async def probed(tenant: Tenant, downloaded: Downloaded) -> dict[str, Any]:
    """Observations of range requests: without `If-Range`, and with a matching and a foreign validator in it."""
    validator, kind = _validator(downloaded.headers)
    status, total = await _asked(tenant, downloaded.url, {})
    fitting = (await _asked(tenant, downloaded.url, {"If-Range": validator}))[0] if validator else None
    foreign = (await _asked(tenant, downloaded.url, {"If-Range": _FOREIGN_TAG}))[0]
    return {
        "range_is_honoured": status == 206 and total == downloaded.size,
        "range_status": status,
        "if_range_by": kind,
        "if_range_status": fitting,
        "if_range_status_of_another_object": foreign,
    }


async def _asked(tenant: Tenant, url: URL, headers: dict[str, str]) -> tuple[int | None, int | None]:
    """Status and total of the answer to a range of one byte; the body is not read."""
    try:
        async with tenant.open(url, {**_FIRST_BYTE, **headers}) as response:
            return response.status, content_range(response.headers.get("Content-Range", ""))[2]
    except RefusedRequest as error:
        return error.status, None
    except ExtractError:
        return None, None


def _validator(headers: CIMultiDictProxy[str]) -> tuple[str | None, str | None]:
    """A validator for `If-Range` (RFC 9110 section 13.1.5) and its kind: a strong entity tag, else the date."""
    tag = strong_validator(headers.get("ETag"))
    if tag is not None:
        return tag, "ETag"
    date = headers.get("Last-Modified")
    return (date, "Last-Modified") if date is not None else (None, None)


def _strength(etag: str | None) -> str:
    if etag is None:
        return "none"
    if strong_validator(etag) is not None:
        return "strong"
    return "weak" if etag.startswith("W/") else "malformed"


def _header(downloaded: Downloaded, name: str) -> str | None:
    value = downloaded.headers.get(name)
    return shown(value) if value is not None else None


def shown(text: str) -> str:
    """Server text, shortened and without control characters."""
    return printable(text[:_LETTERS])
