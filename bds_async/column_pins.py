"""Which columns are written of each data set where CSVs are published. For a thread: the ledger is asked."""

from __future__ import annotations

from typing import Protocol

from .ledger.ledger import Ledger
from .schema import Columns


class ColumnPins(Protocol):
    """What a run does about columns; `folder` is the data set's."""

    #: Whether the columns of an extract depend on those of the extracts before it.
    are_ordered: bool

    def wanted(self, folder: str) -> Columns | None:
        """The columns to write of the next extract, in their order; None for those that it has."""

    def published(self, folder: str, columns: Columns | None) -> None:
        """An extract that has these columns is about to be published."""


class AllColumns:
    """Every column is written, as it comes."""

    are_ordered = False

    def wanted(self, folder: str) -> Columns | None:  # noqa: ARG002
        """Those that there are."""
        return None

    def published(self, folder: str, columns: Columns | None) -> None:
        """Nothing is pinned."""


class FirstColumns:
    """The columns first seen of each data set are written, and remembered in the ledger."""

    are_ordered = True

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def wanted(self, folder: str) -> Columns | None:
        """Those that are pinned, or were delivered first; None where these are to be the first."""
        return self._ledger.pinned_columns(folder)

    def published(self, folder: str, columns: Columns | None) -> None:
        """Pin what is written, unless that has been done."""
        if self._ledger.stored_pin(folder) is None:
            self._ledger.pin_columns(folder, self.wanted(folder) or columns)


class PinnedColumns:
    """Columns are written as they were pinned, where they were."""

    are_ordered = False

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def wanted(self, folder: str) -> Columns | None:
        """Those that are pinned, if any are."""
        return self._ledger.stored_pin(folder)

    def published(self, folder: str, columns: Columns | None) -> None:
        """Nothing new is pinned."""
