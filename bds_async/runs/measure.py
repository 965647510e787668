"""How complete a destination is at the end of a run: completeness of each data set, gaps, newest deliveries."""

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
    """How complete the destination is, and the gaps that concern it; `error` is what kept it from being known."""

    data_sets: Sequence[Completeness] = ()
    gaps: Sequence[Gap] = ()
    newest_delivered: Mapping[str, datetime] = field(default_factory=dict)
    error: BdsError | None = None

    @property
    def lacks(self) -> str | None:
        """What the report lacks and why; None if it is complete."""
        return None if self.error is None else f"data_sets and gaps: {self.error}"


def measure(listing: Listing, ledger: Ledger) -> Survey:
    """The completeness of the data sets whose lists are whole; for a thread, since the ledger may be held."""
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
    """The newest delivered queued date of each data set by its name; of several with one name the latest."""
    names = {folder: data_set.name for folder, data_set in ledger.folders.data_sets().items()}
    newest = sorted(ledger.deliveries.newest().items(), key=lambda item: item[1])
    return {names.get(folder, folder): moment for folder, moment in newest}


def settle_gaps(listing: Listing, ledger: Ledger) -> None:
    """Close the gaps that a delivered full covers, once they have been reported; a failure repeats the report."""
    with contextlib.suppress(BdsError):
        ledger.gaps.settle(ledger.folders.folders_for(listing.extracts))
