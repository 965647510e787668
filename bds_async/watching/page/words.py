"""Texts of the page: names from a server, sizes, durations, moments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from ...models import BdsType, brief_text, whole_second
from ...report import ReportedExtract
from ...support.text import printable, size_text

#: The most characters shown of a name, and of an error or a list of names.
NAME, TEXT = 60, 300
#: The scheme of an address with all slashes after it, so that the text left around it forms no other scheme.
_SCHEME = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]*:/{2,}", re.IGNORECASE)


@lru_cache(maxsize=4096)
def shown(text: str, longest: int = NAME) -> str:
    """Return text for the page: without control characters, without the scheme of addresses, shortened in the middle.

    Programs that show a page turn addresses with a scheme into links; the page must have none.
    """
    if len(text) > 6 * longest:
        text = text[: 3 * longest] + text[-3 * longest :]
    plain = printable(_SCHEME.sub("", text))
    if len(plain) <= longest:
        return plain
    return f"{plain[: longest * 2 // 3]}…{plain[-(longest - longest * 2 // 3 - 1) :]}"


def kind_of(extract: ReportedExtract) -> str:
    """Return the data set and type of an extract: `Users`, `Users (differential)`."""
    name = shown(extract.data_set)
    return name if extract.bds_type is BdsType.FULL else f"{name} (differential)"


def name_of(extract: ReportedExtract) -> str:
    """Return the name of an extract: `Users`, `Users (differential of 2026-11-22)`."""
    if extract.bds_type is BdsType.FULL:
        return shown(extract.data_set)
    return f"{shown(extract.data_set)} (differential of {extract.queued_for_processing_date:%Y-%m-%d})"


def names_text(names: Iterable[str], most: int = 6) -> str:
    """Return some names, each once with its count, and the number of others left out: `A ×2, B and 4 more`."""
    counts = Counter(names)
    texts = [f"{name} ×{count:,}" if count > 1 else name for name, count in counts.items()]
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")


def seconds_text(seconds: float) -> str:
    """Return a duration for people: `40 ms`, `0.4 s`, `42 s`, `2 min 05 s`, `1 h 03 min`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def rate_text(rate: float) -> str:
    """Return bytes a second for people."""
    return f"{size_text(rate)}/s"


def moment_text(moment: datetime | None) -> str:
    """Return a moment for people, in UTC; a dash if it is unknown."""
    return brief_text(whole_second(moment)).replace("T", " ").rstrip("Z") if moment is not None else "–"


def share_text(part: float, whole: float) -> str:
    """Return a share in percent."""
    return f"{part / whole:.0%}" if whole else "0%"
