"""The listed extracts whose dates are in the future."""

from __future__ import annotations

from ..brightspace import Listing
from ..ledger import Ledger
from ..models import Identity
from ..support import clock
from .look import Listed, Look
from .placement import by_folder


def look_at(listing: Listing) -> Look:
    """The look at the tenant that a listing stands for."""
    extracts = (extract for extracts in listing.extracts.values() for extract in extracts)
    return Look.of(clock.now(), extracts, listing.moment)


def future_extracts(listing: Listing, ledger: Ledger) -> dict[str, frozenset[Identity]]:
    """The extracts to record as dated in the future after a look, by data set folder."""
    look = look_at(listing)
    found = {}
    for folder, (data_set, extracts) in by_folder(listing.extracts, ledger).items():
        listed = Listed.of(data_set, extracts, look)
        found[folder] = ledger.future.seen(folder, listed.identities, listed.future_identities, look.horizon)
    return found
