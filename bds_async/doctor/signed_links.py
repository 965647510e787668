"""The lifetime of a signed link, from its query. The link is a secret and is not recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from yarl import URL

#: Query parameters that hold a lifetime or an expiry: AWS and Google (seconds from signing), CloudFront and older ones
#: (seconds since the epoch), Azure (ISO 8601).
_SPANS = {"X-Amz-Expires": "X-Amz-Date", "X-Goog-Expires": "X-Goog-Date"}


def life(link: URL, now: float) -> tuple[str, float] | None:
    """The parameter with the expiry, and the seconds from `now` (epoch) until then; None if there is none."""
    query = {name.lower(): value for name, value in link.query.items()}
    for name, read in _READERS.items():
        if name.lower() in query and (seconds := _tried(read, query, now)) is not None:
            return name, round(seconds, 1)
    return None


def _tried(read: Callable[[Mapping[str, str], float], float], query: Mapping[str, str], now: float) -> float | None:
    try:
        return read(query, now)
    except (ValueError, KeyError, OverflowError):
        return None


def _span(name: str, since: str) -> Callable[[Mapping[str, str], float], float]:
    """A reader of a lifetime in seconds that begins at the time in the parameter `since`."""

    def read(query: Mapping[str, str], now: float) -> float:
        """Seconds from `now` to the end of the link."""
        signed = datetime.strptime(query[since.lower()], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed.timestamp() + float(query[name.lower()]) - now

    return read


def _epoch(query: Mapping[str, str], now: float) -> float:
    return float(query["expires"]) - now


def _iso(query: Mapping[str, str], now: float) -> float:
    moment = datetime.fromisoformat(query["se"])
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now


_READERS: dict[str, Callable[[Mapping[str, str], float], float]] = {
    **{name: _span(name, since) for name, since in _SPANS.items()},
    "Expires": _epoch,
    "se": _iso,
}
