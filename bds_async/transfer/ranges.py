"""Half-open ranges of bytes: merging them and finding the gaps."""

from __future__ import annotations

from collections.abc import Iterable

#: (start, stop), where `stop` is the first byte after the range.
Range = tuple[int, int]


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same bytes as sorted ranges that neither overlap nor touch."""
    result: list[Range] = []
    for start, stop in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        elif start < stop:
            result.append((start, stop))
    return result


def gaps(held: Iterable[Range], total: int) -> list[Range]:
    """The missing ranges of the bytes from 0 to `total`, sorted; `held` is the result of `merged`."""
    missing: list[Range] = []
    position = 0
    for start, stop in (*held, (total, total)):
        if position < min(start, total):
            missing.append((position, min(start, total)))
        position = max(position, stop)
    return missing
