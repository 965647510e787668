"""The one retry policy: what is transient, how long to wait, when to stop (design: full jitter, `Retry-After`)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.stop import stop_after_attempt, stop_base

from .errors import Throttled, TransientError

#: Seconds: the first wait is up to BASE, each next one up to twice as long, none over CAP.
BASE, CAP = 1.0, 60.0
#: Seconds that a server may at most ask us to wait.
RETRY_AFTER_CEILING = 300.0
#: Statuses that another try may get past (RFC 9110, RFC 6585 for 429, RFC 8470 for 425).
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def retrying(stop: stop_base) -> AsyncRetrying:
    """A fresh policy for one task: shared between tasks, tenacity would mix up their attempts.

    Retries TransientError alone and raises the last one when `stop` says so.
    """
    return AsyncRetrying(
        stop=stop,
        wait=wait_before_next,
        retry=retry_if_exception_type(TransientError),
        sleep=asyncio.sleep,
        reraise=True,
    )


def attempts(number: int) -> AsyncRetrying:
    """`retrying` for `number` tries."""
    return retrying(stop_after_attempt(number))


def wait_before_next(state: RetryCallState) -> float:
    """Seconds before the next try: what the server asked for, plus jitter; else full jitter, growing."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.seconds if isinstance(error, Throttled) else 0.0
    return asked + full_jitter(state.attempt_number)


def full_jitter(attempt: int) -> float:
    """A random number of seconds up to BASE * 2 ** (attempt - 1), at most CAP."""
    return random.uniform(0, min(CAP, BASE * 2.0 ** min(attempt - 1, 30)))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that `Retry-After` asks for, in either form of RFC 9110 section 10.2.3, held to the ceiling.

    None if there is no such header, or none that makes sense.
    """
    value = headers.get("Retry-After", "").strip()
    seconds = _delay_seconds(value) if value[:1].isdigit() else _until_date(value, now or datetime.now(UTC))
    return None if seconds is None else max(0.0, min(seconds, RETRY_AFTER_CEILING))


def _delay_seconds(value: str) -> float | None:
    return min(float(value), RETRY_AFTER_CEILING) if value.isascii() and value.replace(".", "", 1).isdigit() else None


def _until_date(value: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
