"""The plan of a pull: the chosen extracts, compared with the ledger and the destination."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..brightspace import Listing
from ..ledger import Delivery, Ledger
from ..models import Extract, Identity
from ..options import PublishAs, PullOptions
from .absence import absence_warning, absent_data_sets
from .placement import by_folder
from .selection import choose
from .steps import RunPlan, Step, unfinished
from .warnings import all_excluded, in_another_form, nothing_to_pull

#: The length of a published file in bytes, by its path; None if it does not exist.
Size: TypeAlias = Callable[[str], int | None]


def plan_pull(listing: Listing, options: PullOptions, ledger: Ledger, size: Size) -> RunPlan:
    """Choose extracts and compare them with the ledger and the destination; give new data sets a folder."""
    steps: list[Step] = []
    for folder, (_, extracts) in by_folder(listing.extracts, ledger).items():
        chosen = choose(extracts, options.wanted, options.since)
        known = {} if options.force else ledger.deliveries.delivered_many(extract.identity for extract in chosen)
        there = {identity: delivery for identity, delivery in known.items() if _is_there(delivery, size)}
        steps += [_step(extract, folder, options, ledger, there) for extract in chosen]
    delivered = {step.extract.identity: step.delivered for step in steps if step.delivered is not None}
    absent = absent_data_sets(listing, options, ledger)
    other_form = in_another_form(delivered.values(), options)
    warnings = (all_excluded(listing, options), absence_warning(absent.values()), other_form)
    return RunPlan(
        tuple(steps),
        tuple(listing.failed),
        unfinished(listing, options, delivered.keys()),
        nothing="" if steps else nothing_to_pull(listing, options),
        warning=" ".join(filter(None, warnings)),
    )


def _step(
    extract: Extract, folder: str, options: PullOptions, ledger: Ledger, there: Mapping[Identity, Delivery]
) -> Step:
    delivery = there.get(extract.identity)
    if delivery is not None:
        path = delivery.path or ""
        return Step(extract, folder, path, PublishAs.of(path), delivery)
    path = ledger.folders.path_for(extract, folder, options.publish_as.suffix)
    return Step(extract, folder, path, options.publish_as)


def _is_there(delivery: Delivery, size: Size) -> bool:
    """Whether the delivered file still exists with its size."""
    return delivery.path is not None and size(delivery.path) == delivery.bytes
