"""The data sets that have deliveries and are no longer listed."""

from __future__ import annotations

from collections.abc import Collection
from shlex import quote

from ..brightspace import Listing
from ..ledger import Ledger
from ..models import DataSet
from ..options import RunOptions
from ..report import FailedList
from .selection import select

_ABSENT = (
    "The tenant no longer lists this data set, but extracts of it were delivered. If it is gone for good, "
    "accept that: `bds-async ledger accept --data-set {}`."
)


def present_folders(listing: Listing, ledger: Ledger) -> frozenset[str]:
    """The folders of every listed data set, chosen or not; nothing is pinned."""
    return ledger.folders.of_ids(known for data_set in listing.data_sets for known in data_set.ids)


def absent_data_sets(listing: Listing, options: RunOptions, ledger: Ledger) -> dict[str, DataSet]:
    """The absent data sets that the options choose, by folder, without those whose absence was accepted.

    A data set is absent if it has deliveries, owed extracts or an open gap, and the tenant does not list it. Raises
    PatternError for a pattern that names neither a listed data set nor an absent one.
    """
    started = (ledger.deliveries.folders() | ledger.syncs.waiting()) - present_folders(listing, ledger)
    known = ledger.folders.data_sets() if started else {}
    absent = {folder: known[folder] for folder in sorted(started) if not _has_failed(known[folder], listing.failed)}
    chosen = select([*listing.data_sets, *absent.values()], options.data_set, options.exclude)
    ids, accepted = {data_set.ids for data_set in chosen}, ledger.absences.accepted()
    return {folder: each for folder, each in absent.items() if each.ids in ids and folder not in accepted}


def _has_failed(data_set: DataSet, failed: Collection[FailedList]) -> bool:
    """Whether the failed lists already name a data set, because its entry cannot be read."""
    return any((each.schema_id or "").lower() in data_set.ids or each.data_set == data_set.name for each in failed)


def failed_lists_of(absent: Collection[DataSet]) -> list[FailedList]:
    """The absent data sets in the form of reports."""
    return [FailedList(data_set.name, data_set.schema_id, _ABSENT.format(quote(data_set.name))) for data_set in absent]


def absence_warning(absent: Collection[DataSet]) -> str:
    """The warning of a pull about absent data sets; empty if there are none."""
    if not absent:
        return ""
    names = ", ".join(data_set.name for data_set in absent)
    return f"Not listed by the tenant any more, although extracts were delivered before: {names}."
