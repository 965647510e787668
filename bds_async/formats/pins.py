"""The columns to write to published CSVs, by data set. Call this in a thread, since it reads the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from ..columns import Columns
from ..errors import ExtractError, UnusableArchive
from ..ledger import Ledger
from ..models import Identity
from .reading import Checked

#: Unzips an extract's CSV with only these columns, in that order; with all of them for None.
Unzip: TypeAlias = Callable[[Columns | None], Checked]


class ColumnPins(Protocol):
    """The rule by which a run chooses columns."""

    #: Whether the columns of an extract depend on those of the extracts before it.
    are_ordered: bool

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:
        """Unzip an extract that is about to be published; `folder` is its data set's. Raises as `unzip` does."""
        ...


class AllColumns:
    """Writes all columns."""

    are_ordered = False

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:  # noqa: ARG002
        """Unzip with all columns."""
        return unzip(None)


class TheseColumns:
    """Writes the given columns; with None, all of them."""

    are_ordered = False

    def __init__(self, columns: Columns | None) -> None:
        self._columns = columns

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:  # noqa: ARG002
        """Unzip with these columns."""
        return unzip(self._columns)


class FirstColumns:
    """Writes the columns that each data set had first; the ledger stores them."""

    are_ordered = True

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:  # noqa: ARG002
        """Unzip with the pinned columns, else with those delivered first, else with all; pin them if none are."""
        wanted = self._ledger.columns.pinned(folder)
        checked = unzip(wanted)
        if self._ledger.columns.stored_pin(folder) is None:
            self._ledger.columns.pin(folder, wanted or checked.columns)
        return checked


class DeliveredColumns:
    """Writes a CSV as it was delivered before, with all of its columns or with the pinned ones."""

    are_ordered = False

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:
        """Unzip with the columns that reproduce the delivered file; raises ExtractError if none do.

        If the SHA-256 of the delivered file is not known, the pinned columns are used.
        """
        delivered, pinned = self._ledger.deliveries.delivered(identity), self._ledger.columns.stored_pin(folder)
        sha256 = delivered.sha256 if delivered is not None else None
        if sha256 is None:
            return unzip(pinned)
        for wanted in (None,) if pinned is None else (pinned, None):
            checked = _unzipped_or_none(unzip, wanted)
            if checked is not None and checked.sha256 == sha256:
                return checked
        raise ExtractError(
            "Cannot reproduce the delivered CSV: Brightspace's current zip differs, both with all columns and with the "
            "pinned ones."
        )


def _unzipped_or_none(unzip: Unzip, wanted: Columns | None) -> Checked | None:
    """Unzip the CSV; None if it lacks the wanted columns. With all columns, raise a fault of the archive."""
    try:
        return unzip(wanted)
    except UnusableArchive:
        if wanted is None:
            raise
        return None
