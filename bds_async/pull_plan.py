"""The plan of a pull: which of the chosen extracts are in the folder already, and where the others will land."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from .download import Download
from .ledger import Delivery, Ledger
from .listing import Listing
from .models import Extract
from .options import PullOptions
from .partial import key_of
from .paths import inside
from .plan import choose
from .report import FailedList, Outcome, Status


@dataclass(frozen=True, slots=True)
class Step:
    """One chosen extract and its path below the folder; `delivered` if it is there already."""

    extract: Extract
    path: str
    delivered: Delivery | None = None


@dataclass(frozen=True, slots=True)
class PullPlan:
    """Every chosen extract, by data set, oldest first; and the extract lists that could not be had.

    `partial_keys` are the partial files of all that is listed and not there yet.
    """

    steps: tuple[Step, ...]
    failed_lists: tuple[FailedList, ...]
    covers_everything: bool
    partial_keys: frozenset[str]


def plan_pull(listing: Listing, options: PullOptions, ledger: Ledger, to: Path) -> PullPlan:
    """Choose, and compare with the ledger and the folder; reads both, changes neither but for pinned folder names."""
    steps: list[Step] = []
    folders = ledger.folders_for(listing.extracts)
    for folder, extracts in zip(folders, listing.extracts.values(), strict=True):
        steps += [
            _step(extract, folder, options, ledger, to) for extract in choose(extracts, options.wanted, options.since)
        ]
    there = {step.extract.identity for step in steps if step.delivered is not None}
    listed = {extract.identity for extracts in listing.extracts.values() for extract in extracts}
    return PullPlan(
        tuple(steps),
        tuple(listing.failed),
        covers_everything=not (options.data_set or options.exclude or listing.failed),
        partial_keys=frozenset(key_of(identity) for identity in listed - there),
    )


def _step(extract: Extract, folder: str, options: PullOptions, ledger: Ledger, to: Path) -> Step:
    known = ledger.delivered(extract.identity)
    if known is not None and not options.force and _is_there(known, to):
        return Step(extract, known.path or "", known)
    return Step(extract, ledger.path_for(extract, folder, options.publish_as.suffix))


def _is_there(delivery: Delivery, to: Path) -> bool:
    """Whether the delivered file still lies in the folder with its size."""
    if delivery.path is None:
        return False
    try:
        return inside(to, delivery.path).stat().st_size == delivery.bytes
    except OSError:
        return False


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
