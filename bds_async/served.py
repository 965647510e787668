"""Ranges of bytes, each from a start up to but without a stop: merging them, finding gaps, keeping a record."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

#: (start, stop), of which `stop` is the first byte that is not in it.
Range = tuple[int, int]

_LINE = re.compile(rb"((\d{1,18}) (\d{1,18})) ([0-9a-f]{8})")


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
    """What is missing of the bytes from 0 to `total`, sorted; `held` is as `merged` gives it."""
    missing: list[Range] = []
    position = 0
    for start, stop in (*held, (total, total)):
        if position < min(start, total):
            missing.append((position, min(start, total)))
        position = max(position, stop)
    return missing


def range_line(start: int, stop: int) -> bytes:
    """One entry of a record of ranges: a line of its own, whatever was torn off before it, with a CRC-32."""
    entry = b"%d %d" % (start, stop)
    return b"\n%s %08x" % (entry, zlib.crc32(entry))


def read_range_lines(content: bytes) -> list[Range]:
    """The ranges in a record, merged; lines that are torn or make no sense count as not written."""
    return merged(found for line in content.split(b"\n") if (found := _read_range_line(line)) is not None)


def _read_range_line(line: bytes) -> Range | None:
    match = _LINE.fullmatch(line)
    if match is None or zlib.crc32(match[1]) != int(match[4], 16):
        return None
    start, stop = int(match[2]), int(match[3])
    return (start, stop) if start < stop else None
