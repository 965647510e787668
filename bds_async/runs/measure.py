"""How complete a destination is at the end of a run: completeness of each data set, gaps, newest deliveries."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from ..brightspace.catalogue.listing import Listing
from ..errors import BdsError
from ..ledger import Ledger
from ..planning import by_folder, gap_of
from ..report import Completeness, Gap


@dataclass(frozen=True, slots=True)
class Survey:
    """How complete the destination is, and the gaps that concern it; `error` is what kept it from being known."""

    data_sets: Sequence[Completeness] = ()
    gaps: Sequence[Gap] = ()
    error: BdsError | None = None


def measure(listing: Listing, ledger: Ledger) -> Survey:
    """The completeness of the listed data sets; for a thread, since the ledger may be held by another program."""
    try:
        folders = {folder: data_set for folder, (data_set, _) in by_folder(listing.extracts, ledger).items()}
        gaps = ledger.gaps.known(folders)
        return Survey(
            [
                Completeness(data_set.name, data_set.schema_id, ledger.complete_through(folder))
                for folder, data_set in folders.items()
            ],
            [gap_of(folders[gap.folder], gap.missed, gap.closed_by) for gap in gaps],
        )
    except BdsError as error:
        return Survey(error=error)


def settle_gaps(listing: Listing, ledger: Ledger) -> None:
    """Close the gaps that a delivered full covers, once they have been reported; a failure repeats the report."""
    with contextlib.suppress(BdsError):
        ledger.gaps.settle(ledger.folders.folders_for(listing.extracts))
