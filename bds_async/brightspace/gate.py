"""The one gate in front of the tenant: it holds new requests during 429s, outages and an empty rate budget.

D2L's limit is 50,000 credits a minute for each API application; answers carry `X-Rate-Limit-Remaining`,
`X-Rate-Limit-Reset` (seconds until the bucket is full again) and `X-Request-Cost`.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..errors import ConnectionFailed, UnreachableError
from ..events import OutageBegan, OutageEnded, unobserved
from ..report import Hold
from .holds import Holds
from .http import CONNECT_TIMEOUT
from .retry import RETRY_AFTER_CEILING, full_jitter

#: Credits of one call, until an answer names them.
USUAL_COST = 10.0
#: Seconds by which a hold must grow to be reported again: all requests in flight get the same refusal.
NOTEWORTHY = 1.0
#: Seconds for which an unreachable tenant is retried: after it has answered in this run, and at the first contact.
PATIENCE, FIRST_PATIENCE = 300.0, 30.0
#: The most seconds that the last attempt of an outage has.
LAST_ATTEMPT = 1.0


class Gate:
    """Lets requests pass while the tenant accepts them.

    After each hold a single request goes first; the others follow once it is answered, to avoid a stampede.
    `report` is called once for each hold, with reason and seconds. `waits` counts the holds that the tenant asked for,
    `outages` those that began because it could not be reached. `patience` and `first_patience` are in seconds.
    """

    def __init__(
        self,
        report: Callable[[str, float], None],
        *,
        on_outage: Callable[[OutageBegan | OutageEnded], object] = unobserved,
        patience: float = PATIENCE,
        first_patience: float = FIRST_PATIENCE,
    ) -> None:
        #: The tenant's time at its last answer that had a `Date` (RFC 9110 section 6.6.1).
        self.moment: datetime | None = None
        self.waits = 0
        self.outages = 0
        self._holds = Holds()
        self._report = report
        self._on_outage = on_outage
        self._patience, self._patience_once_reached = first_patience, patience
        self._is_reached = False
        self._held_until = 0.0
        self._probing = True
        self._in_flight = 0
        self._credits: float | None = None
        self._cost = USUAL_COST
        self._failures = 0
        self._out_since: float | None = None
        self._closed: UnreachableError | None = None
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Wait for the gate, then reserve the credits of one request until it is answered.

        Raises UnreachableError once the gate has given up on the tenant.
        """
        await self.opens()
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    def answered(self, headers: Mapping[str, str]) -> None:
        """Note an answer of the tenant: it ends an outage, and its headers name the credits left."""
        self._patience, self._is_reached = self._patience_once_reached, True
        self.moment = _moment(headers.get("Date")) or self.moment
        if self._out_since is not None:
            now = time.monotonic()
            self._holds.unreachable(self._out_since, now)
            self._on_outage(OutageEnded(now - self._out_since))
        self._failures, self._out_since = 0, None
        self._probing = self._probing and time.monotonic() < self._held_until
        self._cost = max(1.0, _number(headers.get("X-Request-Cost")) or self._cost)
        if "X-Rate-Limit-Remaining" in headers:
            self._credits = _number(headers["X-Rate-Limit-Remaining"])
        reset = _number(headers.get("X-Rate-Limit-Reset"))
        if self._credits is not None and reset is not None and self._credits < self._cost:
            self.hold("the rate budget is used up", min(reset, RETRY_AFTER_CEILING))

    def hold(self, why: str, seconds: float) -> None:
        """Hold new requests for this many seconds, as the tenant asked."""
        now = time.monotonic()
        if now >= self._held_until:
            self.waits += 1
        self._holds.rate_limited(now, seconds)
        if self._hold(seconds):
            self._report(why, seconds)

    def holds_since(self, start: float) -> list[Hold]:
        """Return the holds since `start` (time.monotonic()), counted from there."""
        return self._holds.since(start, time.monotonic(), self._out_since)

    @property
    def connect_timeout(self) -> float:
        """Seconds that an attempt to connect may take now: no attempt outlasts the patience."""
        return min(CONNECT_TIMEOUT, max(self._patience_left(time.monotonic()), 0.05))

    def unreachable(self, error: ConnectionFailed, since: float) -> None:
        """Note a failed attempt to connect that began at `since` (time.monotonic()), and hold the gate.

        Raises UnreachableError when the patience is used up, attempts included.
        """
        if self._out_since is None:
            self._out_since, self.outages = since, self.outages + 1
            self._on_outage(OutageBegan(str(error), self._patience))
        now = time.monotonic()
        last = min(LAST_ATTEMPT, self._patience / 10)
        if self._patience_left(now) <= last:
            self.close(self._given_up(error))
        if self._closed is not None:
            raise self._closed
        if now >= self._held_until:
            self._failures += 1
            self._hold(min(full_jitter(min(self._failures, 5)), self._patience_left(now) - last))

    def _patience_left(self, now: float) -> float:
        return self._patience - (now - self._out_since if self._out_since is not None else 0.0)

    def _given_up(self, error: ConnectionFailed) -> UnreachableError:
        which = "an outage during a run" if self._is_reached else "the first contact of a run"
        return UnreachableError(
            f"{error} Given up after {self._patience:.0f} seconds, the limit for {which}; "
            "check bspace_url and the network, or run again later."
        )

    def close(self, error: UnreachableError) -> None:
        """Give up on the tenant: each later request raises `error`."""
        self._closed = error
        self._wake()

    def _hold(self, seconds: float) -> bool:
        """Hold new requests; return whether that is worth reporting."""
        now = time.monotonic()
        is_news = now >= self._held_until or now + seconds > self._held_until + NOTEWORTHY
        self._held_until = max(self._held_until, now + seconds)
        self._probing, self._credits = True, None
        return is_news

    async def opens(self) -> None:
        """Wait until a request may pass; raises UnreachableError once the gate has given up on the tenant."""
        while self._closed is None and (wait := self._seconds_to_wait()) > 0:
            changed = self._changed
            try:
                async with asyncio.timeout(wait if math.isfinite(wait) else None):
                    await changed.wait()
            except TimeoutError:
                continue
        if self._closed is not None:
            raise self._closed

    def _seconds_to_wait(self) -> float:
        """Seconds until a request may pass; infinite: until another request is answered."""
        held = self._held_until - time.monotonic()
        if held > 0:
            return held
        if self._in_flight and (self._probing or not self._has_credits()):
            return math.inf
        return 0.0

    def _has_credits(self) -> bool:
        return self._credits is None or self._credits >= self._cost * (self._in_flight + 1)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


@functools.lru_cache(maxsize=1)
def _moment(date: str | None) -> datetime | None:
    """The `Date` of an answer, which changes once a second; None if it is missing or unreadable."""
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
