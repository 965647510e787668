"""HTTP sessions for a run: timeouts, proxies, name lookup, and errors of this package in place of aiohttp's."""

from .addresses import is_public
from .faults import CONNECT_TIMEOUT
from .proxies import proxy_address
from .reading import chunks, left_over, read_bounded
from .transport import Answer, Transport, host_of, place_of

__all__ = [
    "CONNECT_TIMEOUT",
    "Answer",
    "Transport",
    "chunks",
    "host_of",
    "is_public",
    "left_over",
    "place_of",
    "proxy_address",
    "read_bounded",
]
