"""What an answer serves: which bytes of which object, whether they look like a zip, and whether they come in time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Self

import aiohttp

from ..errors import TransientError

#: Bytes a second: a connection slower than this for the stall timeout is dropped, as with curl's --speed-limit.
SLOWEST = 1024


@dataclass(frozen=True, slots=True)
class Served:
    """The bytes `start` to `stop` (exclusive; None: to the end) of an object of `total` bytes, as far as is known.

    `validator` is the strong ETag (RFC 9110 section 8.8.3), None where there is none: then nothing can be resumed.
    """

    start: int
    stop: int | None
    total: int | None
    validator: str | None

    @classmethod
    def of(cls, response: aiohttp.ClientResponse) -> Self:
        """Read the headers of a 200, 206 or 416; a body in a Content-Encoding has no length and no validator of use."""
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            return cls(0, None, None, None)
        validator = strong_validator(response.headers.get("ETag"))
        if response.status == 206:
            start, stop, total = content_range(response.headers.get("Content-Range", ""))
            return cls(start, stop, total, validator)
        return cls(0, None, response.content_length, validator)


def strong_validator(etag: str | None) -> str | None:
    """The ETag if it is a strong one, well-formed; None for a weak one, or none."""
    return etag if etag and re.fullmatch(r'"[\x21\x23-\x7e\x80-\xff]*"', etag) else None


def content_range(header: str) -> tuple[int, int | None, int | None]:
    """Start, stop (exclusive) and total of `Content-Range: bytes 0-99/1000` (RFC 9110 section 14.4).

    Nonsense gives a start of -1, which continues nothing.
    """
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", header.strip(), re.ASCII | re.IGNORECASE)
    if found is None or int(found[2]) < int(found[1]):
        return -1, None, None
    total = None if found[3] == "*" else int(found[3])
    stop = int(found[2]) + 1
    return (-1, None, None) if total is not None and stop > total else (int(found[1]), stop, total)


def check_magic(head: bytes | bytearray) -> None:
    """Raise TransientError if a body does not begin as zips do; a session problem shows as an HTML page."""
    if head[:2] == b"PK"[: len(head)]:
        return
    start = bytes(head[:64]).lstrip().lower()
    kind = "an HTML page" if start[:1] == b"<" else "JSON" if start[:1] in (b"{", b"[") else "something else"
    raise TransientError(f"The server sent {kind} in place of a zip.")


class Pace:
    """Drops a connection that trickles: fewer than SLOWEST bytes a second over `window` seconds."""

    def __init__(self, window: float, host: str) -> None:
        self._window = window
        self._host = host
        self._since = time.monotonic()
        self._bytes = 0

    def arrived(self, count: int) -> None:
        """Take note of bytes; raises TransientError when a whole window has brought too few."""
        self._bytes += count
        elapsed = time.monotonic() - self._since
        if elapsed < self._window:
            return
        if self._bytes < SLOWEST * elapsed:
            raise TransientError(f"{self._host} sent only {self._bytes} bytes in {elapsed:.0f} seconds.")
        self._since, self._bytes = time.monotonic(), 0
