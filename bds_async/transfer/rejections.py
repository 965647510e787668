"""Whole but invalid bodies of one extract: when another download is pointless."""

from __future__ import annotations


class Rejections:
    """Counts them up to `limit`; twice in a row with the same validator and length is also enough.

    In that case the fault is in what the server stores, not in the network.
    """

    def __init__(self, limit: int) -> None:
        self.count = 0
        self._limit = limit
        self._last: tuple[str | None, int | None] | None = None

    def are_enough_with(self, validator: str | None, total: int | None) -> bool:
        """Count one more, with its validator and length in bytes if known; True if another download is pointless."""
        is_known = validator is not None and total is not None
        is_the_same = is_known and (validator, total) == self._last
        self._last = (validator, total)
        self.count += 1
        return is_the_same or self.count >= self._limit
