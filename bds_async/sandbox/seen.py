"""The log of requests, for people and tests to read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class SeenRequest:
    """One request, without its query, token and body."""

    origin: str
    method: str
    path: str
    kind: str = "unknown"
    data_set: str | None = None
    bds_type: str | None = None
    #: None before the answer, and if the connection was dropped.
    status: int | None = None
    authorised: bool = False
    range: str | None = None
    body_bytes: int = 0
    #: Actions of the faults that hit it.
    faults: tuple[str, ...] = ()


@dataclass
class Counters:
    """Totals since the sandbox started."""

    requests: int = 0
    exchanges: int = 0
    refused_exchanges: int = 0
    #: Answers with 429 from the rate limit (not from faults).
    throttled: int = 0
    #: Requests to the storage that were refused because of their `Authorization`.
    refused_bearers: int = 0
    bodies_in_flight: int = 0
    most_bodies_in_flight: int = 0
    #: Bytes of archives sent, whole or in part.
    body_bytes: int = 0


class RequestLog:
    """The last requests, oldest first, and the counters."""

    def __init__(self, length: int) -> None:
        self.requests: deque[SeenRequest] = deque(maxlen=length)
        self.counters = Counters()

    def add(self, seen: SeenRequest) -> None:
        """Add a request that has just arrived."""
        self.counters.requests += 1
        self.requests.append(seen)

    @contextmanager
    def body(self) -> Iterator[None]:
        """Count a body as in flight inside the context."""
        counters = self.counters
        counters.bodies_in_flight += 1
        counters.most_bodies_in_flight = max(counters.most_bodies_in_flight, counters.bodies_in_flight)
        try:
            yield
        finally:
            counters.bodies_in_flight -= 1

    def moved(self, seen: SeenRequest, count: int) -> None:
        """Count bytes of an archive that were sent."""
        seen.body_bytes += count
        self.counters.body_bytes += count
