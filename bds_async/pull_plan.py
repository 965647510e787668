"""The plan of a pull: which of the chosen extracts are in the folder already, and where the others will land."""

from __future__ import annotations

from pathlib import Path

from .catalogue.listing import Listing
from .folder.paths import inside
from .ledger.ledger import Delivery, Ledger
from .models import Extract
from .options import PullOptions
from .plan import choose
from .run_plan import RunPlan, Step, partial_keys


def plan_pull(listing: Listing, options: PullOptions, ledger: Ledger, to: Path) -> RunPlan:
    """Choose, and compare with the ledger and the folder; reads both, changes neither but for pinned folder names."""
    steps: list[Step] = []
    folders = ledger.folders_for(listing.extracts)
    for folder, extracts in zip(folders, listing.extracts.values(), strict=True):
        steps += [
            _step(extract, folder, options, ledger, to) for extract in choose(extracts, options.wanted, options.since)
        ]
    there = {step.extract.identity for step in steps if step.delivered is not None}
    return RunPlan(tuple(steps), tuple(listing.failed), partial_keys(listing, options, there))


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
