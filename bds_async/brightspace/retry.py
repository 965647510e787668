"""The one retry policy: what is transient, how long to wait, when to stop (full jitter, `Retry-After`)."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.stop import stop_base

from ..errors import Throttled, TransientError, VerificationError

logger = logging.getLogger(__name__)

#: Seconds: the first wait is at most BASE, each next one at most twice as long, none longer than CAP.
BASE, CAP = 1.0, 60.0
#: Seconds: the longest wait that is honoured if a server asks for one.
RETRY_AFTER_CEILING = 300.0
#: Statuses worth a retry (RFC 9110, RFC 6585 for 429, RFC 8470 for 425; 509 and 520 to 530 are those of gateways).
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 509, *range(520, 531)})
#: New bytes after which a transport fault restarts the count of tries, since the transfer makes progress.
PROGRESS = 1024 * 1024
#: A server that names the time of the next try has not failed; it may do so this many times for each try.
WAITS_FOR_EACH_TRY = 4


class Tries(stop_base):
    """The count of tries of one request: a `stop` of tenacity with its own state.

    It stops after `limit` tries in a row without progress. A failed verification always counts.
    """

    def __init__(self, limit: int, used: int = 0) -> None:
        self.limit = limit
        self.used = used
        self._new_bytes = 0
        self._waits = 0

    def __str__(self) -> str:
        return f"try {self.used} of {self.limit}"

    def progress(self, new_bytes: int) -> None:
        """Add bytes that arrived since the last failure."""
        self._new_bytes += new_bytes

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Count the failure in `retry_state`; True if it was the last one allowed."""
        error = retry_state.outcome.exception() if retry_state.outcome is not None else None
        if isinstance(error, Throttled):
            self._waits += 1
            return self._waits >= self.limit * WAITS_FOR_EACH_TRY
        self.used = self.used_after(error)
        self._new_bytes = 0
        return self.used >= self.limit

    def longest_wait(self, retry_state: RetryCallState) -> float:  # noqa: ARG002
        """Upper bound in seconds for the wait before the next try."""
        return math.inf

    def used_after(self, error: BaseException | None) -> int:
        """The value of `used` after this failure is counted."""
        has_progressed = self._new_bytes >= PROGRESS and not isinstance(error, VerificationError)
        return 1 if has_progressed else self.used + 1


def retrying(
    tries: Tries, what: object = "A request", before_wait: Callable[[str, float], object] | None = None
) -> AsyncRetrying:
    """A fresh policy for one task; tenacity mixes up the attempts of tasks that share one.

    It retries only TransientError, and raises the last one when no try is left. `what` names the work in the log of
    each retry. `before_wait` gets the error's text and the seconds until the next try.
    """

    def wait(state: RetryCallState) -> float:
        """Compute the wait; tenacity calls this before `tries` counts the failure."""
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, Throttled):
            return error.seconds + random.uniform(0, BASE)
        return min(full_jitter(tries.used_after(error)), tries.longest_wait(state))

    def log(state: RetryCallState) -> None:
        """Log why a try failed, and when the next one starts."""
        error = state.outcome.exception() if state.outcome is not None else None
        seconds = state.next_action.sleep if state.next_action is not None else 0.0
        which = "asked to wait" if isinstance(error, Throttled) else f"{tries} failed"
        logger.debug("%s: %s: %s Next try in %.1f s.", what, which, error, seconds)
        if before_wait is not None:
            before_wait(str(error), seconds)

    return AsyncRetrying(
        stop=tries,
        wait=wait,
        retry=retry_if_exception_type(TransientError),
        before_sleep=log,
        sleep=asyncio.sleep,
        reraise=True,
    )


def full_jitter(failures: int) -> float:
    """A random number of seconds up to BASE * 2 ** (failures - 1), at most CAP."""
    return random.uniform(0, min(CAP, BASE * 2.0 ** min(max(failures, 1) - 1, 30)))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that `Retry-After` asks for, in either form of RFC 9110 section 10.2.3, at most RETRY_AFTER_CEILING.

    A date is relative to the answer's own `Date`, since the clock of this machine may be wrong. None without the
    header, or if it is malformed.
    """
    value = headers.get("Retry-After", "").strip()
    moment = now or _moment(headers.get("Date", "")) or datetime.now(UTC)
    seconds = _delay_seconds(value) if value[:1].isdigit() else _until_date(value, moment)
    return None if seconds is None else max(0.0, min(seconds, RETRY_AFTER_CEILING))


def _delay_seconds(value: str) -> float | None:
    return min(float(value), RETRY_AFTER_CEILING) if value.isascii() and value.replace(".", "", 1).isdigit() else None


def _until_date(value: str, now: datetime) -> float | None:
    moment = _moment(value)
    return (moment - now).total_seconds() if moment is not None else None


def _moment(value: str) -> datetime | None:
    """A date in HTTP's format; None for anything else."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
