"""Which columns are written of each data set where CSVs are published. For a thread: the ledger is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from ..columns import Columns
from ..errors import ExtractError, UnusableArchive
from ..ledger import Ledger
from ..models import Identity
from .reading import Checked

#: Unzips an extract's CSV with these columns alone, in that order, or with all of them for None.
Unzip: TypeAlias = Callable[[Columns | None], Checked]


class ColumnPins(Protocol):
    """What a run does about columns."""

    #: Whether the columns of an extract depend on those of the extracts before it.
    are_ordered: bool

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:
        """Unzip an extract that is about to be published; `folder` is its data set's. Raises as `unzip` does."""
        ...


class AllColumns:
    """Every column is written, as it comes."""

    are_ordered = False

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:  # noqa: ARG002
        """With those that there are."""
        return unzip(None)


class FirstColumns:
    """The columns first seen of each data set are written, and remembered in the ledger."""

    are_ordered = True

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:  # noqa: ARG002
        """With those that are pinned, or were delivered first; else all, which are pinned then."""
        wanted = self._ledger.columns.pinned(folder)
        checked = unzip(wanted)
        if self._ledger.columns.stored_pin(folder) is None:
            self._ledger.columns.pin(folder, wanted or checked.columns)
        return checked


class DeliveredColumns:
    """A CSV is written as it was delivered before, with all of its columns or with the pinned ones."""

    are_ordered = False

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def unzipped(self, folder: str, identity: Identity, unzip: Unzip) -> Checked:
        """With those columns that make it what was delivered; raises ExtractError besides where none do.

        What is not known of the file that was delivered is not compared.
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
            "What Brightspace holds of it no longer gives the CSV that was delivered, neither with all of its columns "
            "nor with the pinned ones."
        )


def _unzipped_or_none(unzip: Unzip, wanted: Columns | None) -> Checked | None:
    """None where the wanted columns cannot be had; all of them can, or the archive is at fault."""
    try:
        return unzip(wanted)
    except UnusableArchive:
        if wanted is None:
            raise
        return None
