"""One HTTP session for a run: timeouts, proxies, name lookup, and errors of this package in place of aiohttp's."""

from .proxies import proxy_address
from .reading import left_over, read_bounded
from .transport import Answer, Transport

__all__ = ["Answer", "Transport", "left_over", "proxy_address", "read_bounded"]
