"""Bodies of one extract that came whole and were not valid: when another download is of no use."""

from __future__ import annotations


class Rejections:
    """At most `limit` of them; the same validator and length twice is enough.

    Then it is what the server holds, not what the network did to it.
    """

    def __init__(self, limit: int) -> None:
        self.count = 0
        self._limit = limit
        self._last: tuple[str | None, int | None] | None = None

    def are_enough_with(self, validator: str | None, total: int | None) -> bool:
        """Take note of one more, of this validator and length in bytes as far as they are known."""
        is_known = validator is not None and total is not None
        is_the_same = is_known and (validator, total) == self._last
        self._last = (validator, total)
        self.count += 1
        return is_the_same or self.count >= self._limit
