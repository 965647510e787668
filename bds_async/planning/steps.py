"""The plan of a run: the extracts, their paths, and which are already delivered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..brightspace import Listing
from ..ledger import Delivery
from ..models import Extract, Identity
from ..options import PublishAs, RunOptions
from ..report import Arrival, FailedList


@dataclass(frozen=True, slots=True)
class Step:
    """One chosen extract: the folder of its data set, its path in the destination, and the kind of file it becomes.

    `delivered` is set if it is already delivered, `arrival` if a sync planned it.
    """

    extract: Extract
    folder: str
    path: str
    kind: PublishAs = PublishAs.ZIP
    delivered: Delivery | None = None
    arrival: Arrival | None = None


@dataclass(frozen=True, slots=True, repr=False)
class RunPlan:
    """Every chosen extract, by data set, oldest first, and the extract lists that failed.

    `unfinished` are the extracts whose partial files may still be needed; None if the lists are incomplete. `nothing`
    says why there are no steps; `warning` is a text for the person.
    """

    steps: tuple[Step, ...]
    failed_lists: tuple[FailedList, ...]
    unfinished: frozenset[Identity] | None
    nothing: str = field(default="", kw_only=True)
    warning: str = field(default="", kw_only=True)

    def __repr__(self) -> str:
        fetch = sum(step.delivered is None for step in self.steps)
        return f"<{type(self).__name__}: {fetch} to fetch, {len(self.steps) - fetch} already there>"


def unfinished(listing: Listing, options: RunOptions, there: Collection[Identity]) -> frozenset[Identity] | None:
    """The listed extracts that are not `there` yet; None if the listing is incomplete."""
    if options.data_set or options.exclude or listing.failed:
        return None
    listed = {extract.identity for extracts in listing.extracts.values() for extract in extracts}
    return frozenset(listed.difference(there))
