"""The content of an answer: which bytes of which object, and whether they look like a zip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import aiohttp

from ..errors import TransientError


@dataclass(frozen=True, slots=True)
class Served:
    """The bytes `start` to `stop` (exclusive; None: to the end) of an object of `total` bytes, as far as is known.

    `validator` is the strong ETag (RFC 9110 section 8.8.3); without one (None), nothing can be resumed.
    """

    start: int
    stop: int | None
    total: int | None
    validator: str | None

    @classmethod
    def of(cls, response: aiohttp.ClientResponse) -> Self:
        """Read the headers of a 200, 206 or 416; a body with a Content-Encoding has no usable length or validator."""
        if is_coded(response):
            return cls(0, None, None, None)
        validator = strong_validator(response.headers.get("ETag"))
        if response.status == 206:
            start, stop, total = content_range(response.headers.get("Content-Range", ""))
            return cls(start, stop, total, validator)
        return cls(0, None, response.content_length, validator)


def strong_validator(etag: str | None) -> str | None:
    """The ETag if it is strong and well-formed, else None."""
    return etag if etag and re.fullmatch(r'"[\x21\x23-\x7e\x80-\xff]*"', etag) else None


def content_range(header: str) -> tuple[int, int | None, int | None]:
    """Start, stop (exclusive) and total of `Content-Range: bytes 0-99/1000` (RFC 9110 section 14.4).

    A malformed header gives a start of -1, which matches no piece.
    """
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", header.strip(), re.ASCII | re.IGNORECASE)
    if found is None or int(found[2]) < int(found[1]):
        return -1, None, None
    total = None if found[3] == "*" else int(found[3])
    stop = int(found[2]) + 1
    return (-1, None, None) if total is not None and stop > total else (int(found[1]), stop, total)


def is_coded(response: aiohttp.ClientResponse) -> bool:
    """Whether a body has a Content-Encoding, so that its first bytes cannot be checked."""
    return response.headers.get("Content-Encoding", "identity").lower() not in ("identity", "")


def check_magic(head: bytes | bytearray) -> None:
    """Raise TransientError if a body begins neither as a zip nor as gzip; a session problem shows as HTML."""
    if head[:2] in (b"PK"[: len(head)], b"\x1f\x8b"[: len(head)]):
        return
    start = bytes(head[:64]).lstrip().lower()
    kind = "an HTML page" if start[:1] == b"<" else "JSON" if start[:1] in (b"{", b"[") else "something else"
    raise TransientError(f"The server sent {kind} in place of a zip.")
