"""Waiting for the outcomes of downloads: extracts of one data set are published in order."""

from __future__ import annotations

from collections.abc import Sequence

from ..transfer import Download


async def settled_before(download: Download) -> None:
    """Wait for every extract of the same data set that comes before.

    One that was published has waited for those before it; one that failed has not.
    """
    earlier = download.predecessor
    while earlier is not None:
        await earlier.settled()
        earlier = earlier.predecessor if earlier.has_failed else None


async def in_turn_before(download: Download) -> None:
    """Wait until every extract of the same data set that comes before is published, in line for it, or failed."""
    earlier = download.predecessor
    while earlier is not None:
        await earlier.in_turn()
        earlier = earlier.predecessor if earlier.has_failed else None


async def all_settled(downloads: Sequence[Download]) -> None:
    """Wait until every outcome is known."""
    for download in downloads:
        await download.settled()
