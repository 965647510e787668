"""The plan of a pull: which of the chosen extracts are in the folder already, and where the others will land."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..brightspace.catalogue.listing import Listing
from ..ledger import Delivery, Ledger
from ..models import Extract, Identity
from ..options import PullOptions
from ..workspace.paths import inside
from .placement import by_folder
from .selection import choose
from .steps import RunPlan, Step, partial_keys
from .warnings import in_another_form, nothing_to_pull


def plan_pull(listing: Listing, options: PullOptions, ledger: Ledger, to: Path) -> RunPlan:
    """Choose, and compare with the ledger and the folder; reads both, changes neither but for pinned folder names."""
    steps: list[Step] = []
    for folder, (_, extracts) in by_folder(listing.extracts, ledger).items():
        chosen = choose(extracts, options.wanted, options.since)
        known = {} if options.force else ledger.deliveries.delivered_many(extract.identity for extract in chosen)
        there = {identity: delivery for identity, delivery in known.items() if _is_there(delivery, to)}
        steps += [_step(extract, folder, options, ledger, there) for extract in chosen]
    delivered = {step.extract.identity: step.delivered for step in steps if step.delivered is not None}
    return RunPlan(
        tuple(steps),
        tuple(listing.failed),
        partial_keys(listing, options, delivered.keys()),
        nothing="" if steps else nothing_to_pull(listing, options),
        warning=in_another_form(delivered.values(), options.publish_as),
    )


def _step(
    extract: Extract, folder: str, options: PullOptions, ledger: Ledger, there: Mapping[Identity, Delivery]
) -> Step:
    delivery = there.get(extract.identity)
    if delivery is not None:
        return Step(extract, delivery.path or "", delivery)
    return Step(extract, ledger.folders.path_for(extract, folder, options.publish_as.suffix))


def _is_there(delivery: Delivery, to: Path) -> bool:
    """Whether the delivered file still lies in the folder with its size."""
    if delivery.path is None:
        return False
    try:
        return inside(to, delivery.path).stat().st_size == delivery.bytes
    except OSError:
        return False
