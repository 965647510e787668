"""The plan of a run, whichever job made it: which extracts, where they land, what is there already."""

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

    `delivered` is set if it is there already, `arrival` if a sync planned it.
    """

    extract: Extract
    folder: str
    path: str
    kind: PublishAs = PublishAs.ZIP
    delivered: Delivery | None = None
    arrival: Arrival | None = None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Every chosen extract, by data set, oldest first; and the extract lists that could not be had.

    `unfinished` are the extracts whose partial files may still be wanted; None where the lists are incomplete.
    `nothing` says why there is no step, where there is none; `warning` is what else a person should know.
    """

    steps: tuple[Step, ...]
    failed_lists: tuple[FailedList, ...]
    unfinished: frozenset[Identity] | None
    nothing: str = field(default="", kw_only=True)
    warning: str = field(default="", kw_only=True)


def unfinished(listing: Listing, options: RunOptions, there: Collection[Identity]) -> frozenset[Identity] | None:
    """All that is listed and not `there` yet; None if the listing is only a part."""
    if options.data_set or options.exclude or listing.failed:
        return None
    listed = {extract.identity for extracts in listing.extracts.values() for extract in extracts}
    return frozenset(listed.difference(there))
