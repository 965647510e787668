"""The rate limit: a bucket of credits for each window, as Brightspace has for each API application."""

from __future__ import annotations

import math
from email.utils import formatdate

from ..clock import Clock
from ..settings import SandboxSettings


class RateLimit:
    """Credits left in the current window; a window starts with the first call after the previous one ended."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._left = settings.rate_credits
        self._full_again = -math.inf

    def charge(self) -> bool:
        """Take the cost of one call; return False if too few credits are left."""
        now = self._clock.seconds()
        if now >= self._full_again:
            self._left, self._full_again = self._settings.rate_credits, now + self._settings.rate_window
        if self._left < self._settings.request_cost:
            return False
        self._left -= self._settings.request_cost
        return True

    def headers(self) -> dict[str, str]:
        """Return the three rate-limit headers; the reset is in whole seconds until the bucket is full again."""
        return {
            "X-Rate-Limit-Remaining": str(self._left),
            "X-Rate-Limit-Reset": str(self._seconds_left()),
            "X-Request-Cost": str(self._settings.request_cost),
        }

    def retry_after(self) -> str:
        """Return the value of `Retry-After`, in the form that the settings name."""
        if self._settings.retry_after_form == "date":
            return formatdate(math.ceil(self._clock.wall()) + self._seconds_left(), usegmt=True)
        return str(self._seconds_left())

    def _seconds_left(self) -> int:
        return max(0, math.ceil(self._full_again - self._clock.seconds()))
