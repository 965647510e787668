"""Waiting for the outcomes of downloads: extracts of one data set are published in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..transfer import Download


def chained(downloads: Iterable[Download]) -> list[Download]:
    """Link the downloads of each data set: each gets the one that has to be settled before it."""
    ordered = list(downloads)
    for earlier, later in pairwise(ordered):
        if earlier.step.folder == later.step.folder:
            later.predecessor = earlier
    return ordered


async def settled_before(download: Download) -> None:
    """Wait until every earlier extract of the same data set is settled.

    A published one has waited for those before it; a failed one has not.
    """
    earlier = download.predecessor
    while earlier is not None:
        await earlier.settled()
        earlier = earlier.predecessor if earlier.has_failed else None


async def in_turn_before(download: Download) -> None:
    """Wait until every earlier extract of the same data set is published, queued to be, or failed."""
    earlier = download.predecessor
    while earlier is not None:
        await earlier.in_turn()
        earlier = earlier.predecessor if earlier.has_failed else None


async def all_settled(downloads: Sequence[Download]) -> None:
    """Wait until every outcome is known."""
    for download in downloads:
        await download.settled()
