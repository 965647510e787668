"""The plan of a run, whichever job made it: which extracts, where they land, what is there already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ..brightspace.catalogue.listing import Listing
from ..ledger import Delivery
from ..models import Extract, Identity
from ..options import RunOptions
from ..report import Arrival, FailedList, Outcome, Status
from ..transfer.download import Download
from ..transfer.partial import key_of


@dataclass(frozen=True, slots=True)
class Step:
    """One chosen extract and its path below the folder.

    `delivered` is set if it is there already, `arrival` if a sync planned it.
    """

    extract: Extract
    path: str
    delivered: Delivery | None = None
    arrival: Arrival | None = None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Every chosen extract, by data set, oldest first; and the extract lists that could not be had.

    `partial_keys` are the partial files that may still be wanted; None where a part of the tenant's lists can't tell.
    `nothing` says why there is no step, where there is none; `warning` is what else a person should know.
    """

    steps: tuple[Step, ...]
    failed_lists: tuple[FailedList, ...]
    partial_keys: frozenset[str] | None
    nothing: str = field(default="", kw_only=True)
    warning: str = field(default="", kw_only=True)

    @property
    def arrivals(self) -> Mapping[Identity, Arrival]:
        """How each extract comes, as far as the plan says so."""
        return {step.extract.identity: step.arrival for step in self.steps if step.arrival is not None}


def partial_keys(listing: Listing, options: RunOptions, there: Collection[Identity]) -> frozenset[str] | None:
    """The partial files of all that is listed and not `there` yet; None if the listing is only a part."""
    if options.data_set or options.exclude or listing.failed:
        return None
    listed = {extract.identity for extracts in listing.extracts.values() for extract in extracts}
    return frozenset(key_of(identity) for identity in listed.difference(there))


def skipped(extract: Extract, delivery: Delivery) -> Outcome:
    """The outcome of an extract that is there already."""
    return Outcome(
        extract,
        Status.SKIPPED,
        path=delivery.path,
        bytes=delivery.bytes,
        sha256=delivery.sha256,
        columns=delivery.columns,
    )


def chained(downloads: Iterable[Download]) -> list[Download]:
    """The same downloads, each told which one of its data set has to be settled before it."""
    ordered = list(downloads)
    for earlier, later in pairwise(ordered):
        if Path(earlier.path).parts[0] == Path(later.path).parts[0]:
            later.predecessor = earlier
    return ordered
