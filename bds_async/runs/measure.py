"""The state of a destination at the end of a run: completeness of each data set, gaps, newest deliveries."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..brightspace import Listing
from ..errors import BdsError
from ..ledger import Ledger
from ..planning import by_folder, gap_of
from ..report import Completeness, Gap


@dataclass(frozen=True, slots=True)
class Survey:
    """How complete the destination is, and its gaps; `error` is set if the ledger could not be read."""

    data_sets: Sequence[Completeness] = ()
    gaps: Sequence[Gap] = ()
    newest_delivered: Mapping[str, datetime] = field(default_factory=dict)
    error: BdsError | None = None

    @property
    def lacks(self) -> str | None:
        """Which parts of the report are missing, and why; None if it is complete."""
        return None if self.error is None else f"data_sets and gaps: {self.error}"


def measure(listing: Listing, ledger: Ledger) -> Survey:
    """Measure the data sets whose lists are whole. Call it in a thread, since another program may hold the ledger."""
    try:
        placed = by_folder(listing.extracts, ledger).items()
        folders = {folder: data_set for folder, (data_set, _) in placed if listing.is_whole(data_set)}
        gaps = ledger.gaps.known(folders)
        return Survey(
            [
                Completeness(data_set.name, data_set.schema_id, ledger.complete_through(folder))
                for folder, data_set in folders.items()
            ],
            [gap_of(folders[gap.folder], gap.missed, gap.closed_by) for gap in gaps],
            _newest_delivered(ledger),
        )
    except BdsError as error:
        return Survey(error=error)


def _newest_delivered(ledger: Ledger) -> dict[str, datetime]:
    """The newest delivered queued date by data set name; if several data sets share a name, the latest."""
    names = {folder: data_set.name for folder, data_set in ledger.folders.data_sets().items()}
    newest = sorted(ledger.deliveries.newest().items(), key=lambda item: item[1])
    return {names.get(folder, folder): moment for folder, moment in newest}


def settle_gaps(listing: Listing, ledger: Ledger) -> None:
    """Close the gaps that a delivered full covers, after they were reported; if that fails, they are reported again."""
    with contextlib.suppress(BdsError):
        ledger.gaps.settle(ledger.folders.folders_for(listing.extracts))
