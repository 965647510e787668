"""The listed extracts whose dates are in the future."""

from __future__ import annotations

from ..brightspace import Listing
from ..ledger import Ledger
from ..models import Identity
from ..support import clock
from .placement import by_folder
from .sync_state import Listed, Look


def look_at(listing: Listing) -> Look:
    """The look that a listing is."""
    extracts = (extract for extracts in listing.extracts.values() for extract in extracts)
    return Look.of(clock.now(), extracts, listing.moment)


def future_extracts(listing: Listing, ledger: Ledger) -> dict[str, frozenset[Identity]]:
    """The extracts to record as dated in the future after a look, by the folders of the listed data sets."""
    look = look_at(listing)
    found = {}
    for folder, (data_set, extracts) in by_folder(listing.extracts, ledger).items():
        listed = Listed.of(data_set, extracts, look)
        found[folder] = ledger.future.seen(folder, listed.identities, listed.future_identities, look.horizon)
    return found
