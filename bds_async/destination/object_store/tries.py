"""How often a request to a store is tried: a count of error answers, a time limit for a silent store."""

from __future__ import annotations

import time
from collections.abc import Callable

from tenacity import RetryCallState

from ...brightspace import Tries
from ...errors import ConnectionFailed, ConnectionLost


class StoreTries(Tries):
    """The tries of one call, which ends after `limit` failures that count, or `silence` seconds without an answer.

    The result of `taken` grows as the store takes parts of an upload. A try in which it took some counts, whatever its
    fault: the store is there, and the seconds start over at the next failure.
    """

    def __init__(self, limit: int, silence: float, taken: Callable[[], int]) -> None:
        super().__init__(limit)
        self.failures = 0
        self._silence = silence
        self._taken = taken
        self._known = 0
        self._since: float | None = None

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Count the failure in `retry_state`; True if it was the last one allowed."""
        error = retry_state.outcome.exception() if retry_state.outcome is not None else None
        self.failures += 1
        if not self._counts(error):
            self._since = self._since or time.monotonic()
            return time.monotonic() - self._since >= self._silence
        is_last = super().__call__(retry_state)
        self._since, self._known = None, self._taken()
        return is_last

    def _counts(self, error: BaseException | None) -> bool:
        return self._taken() > self._known or not isinstance(error, ConnectionFailed | ConnectionLost)

    def longest_wait(self, retry_state: RetryCallState) -> float:  # noqa: ARG002
        """Upper bound in seconds for the wait before the next try, so that a last one is made when the time is up."""
        return self._silence if self._since is None else max(0.0, self._since + self._silence - time.monotonic())

    def used_after(self, error: BaseException | None) -> int:
        """The number of failures, from which the wait before the next try is computed."""
        return self.used + 1 if self._counts(error) else self.failures + 1
