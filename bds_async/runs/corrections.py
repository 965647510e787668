"""Corrections of a ledger under its folder's lock: what counts as delivered, accepted gaps, pinned columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from ..brightspace import Listing
from ..config import Config
from ..destination import Publisher, destination_of
from ..errors import ConfigError
from ..ledger import Delivery, Ledger, Selection
from ..models import DataSet, Extract
from ..options import PublishAs, RunOptions
from ..planning import by_folder, future_extracts, looked_at, select
from ..report import FailedList
from ..support.running import Stop, beside
from ..support.to_its_end import in_thread
from ..workspace import FolderLock, Workspace
from .context import open_storage
from .listing import read_listing
from .verification import demand_ledger


@dataclass(frozen=True, slots=True)
class Marked:
    """The deliveries that were marked, and the extract lists that failed."""

    deliveries: Sequence[Delivery]
    failed_lists: Sequence[FailedList]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The number of accepted gaps, and of data sets whose absence from the listing was accepted."""

    gaps: int
    absences: int


@contextmanager
def correcting(workspace: Workspace) -> Iterator[Ledger]:
    """Open the ledger of a workspace under its lock; first finish the publications of a killed run.

    Raises FolderBusy, DestinationError; ConfigError if there is no ledger.
    """
    owner = _owner(workspace)
    workspace.prepare()
    with FolderLock(workspace), Ledger.open(workspace.ledger, owner, place=workspace.to) as ledger:
        _recover(workspace, ledger)
        yield ledger


def _recover(workspace: Workspace, ledger: Ledger) -> None:
    """Finish publications: an intent would outlive the correction, and the next run would take it for a delivery."""
    Publisher(workspace, destination_of(workspace), ledger).recover()


def _owner(workspace: Workspace) -> str:
    demand_ledger(workspace)
    with Ledger.read(workspace.ledger, place=workspace.to) as ledger:
        if ledger.tenant is None:
            raise ConfigError(f"There is no ledger in {workspace.to}: name the right folder with `to`.")
        return ledger.tenant


def chosen_folders(ledger: Ledger, patterns: Sequence[str]) -> dict[str, DataSet]:
    """The data sets of a ledger that match a pattern, by folder; all without patterns. Raises PatternError."""
    known = ledger.folders.data_sets()
    chosen = {data_set.ids for data_set in select(list(known.values()), patterns, (), delivered=True)}
    return {folder: data_set for folder, data_set in known.items() if data_set.ids in chosen}


async def mark(
    config: Config, workspace: Workspace, patterns: Sequence[str], selection: Selection, stop: Stop | None = None
) -> Marked:
    """Mark listed extracts as delivered, although no file of them was published here. Raises as `pull` does.

    The folder is created if it is missing, so that a first sync can leave out the past.
    """
    stop = stop or Stop()

    async def work() -> Marked:
        """Finish interrupted publications, then mark listed extracts."""
        async with open_storage(workspace, config.bspace_url, stop) as storage:
            await in_thread(storage.publisher.recover)
            listing = await read_listing(config, RunOptions(data_set=tuple(patterns)))
            marked = await in_thread(partial(_mark_listed, listing, selection, storage.ledger))
            return Marked(marked, listing.failed)

    return await beside(work(), stop.obey())


def _mark_listed(listing: Listing, selection: Selection, ledger: Ledger) -> list[Delivery]:
    marked = [
        Delivery.of(extract, folder)
        for folder, (_, extracts) in by_folder(listing.extracts, ledger).items()
        for extract in sorted(extracts, key=lambda extract: extract.age_key)
        if _is_chosen(extract, folder, selection, ledger)
    ]
    # Marking counts as a look: a sync assumes that every delivered extract was seen.
    ledger.future.record(future_extracts(listing, ledger))
    ledger.syncs.keep(looked_at(listing, ledger))
    for delivery in marked:
        ledger.deliveries.record(delivery)
    return marked


def _is_chosen(extract: Extract, folder: str, selection: Selection, ledger: Ledger) -> bool:
    queued = extract.queued_for_processing_date
    return (
        (selection.since is None or queued >= selection.since)
        and (selection.until is None or queued <= selection.until)
        and ledger.deliveries.delivered(extract.identity) is None
        and (
            selection.path is None or any(fnmatchcase(path, selection.path) for path in _paths(extract, folder, ledger))
        )
    )


def _paths(extract: Extract, folder: str, ledger: Ledger) -> tuple[str, ...]:
    return tuple(ledger.folders.path_for(extract, folder, publish_as.suffix) for publish_as in PublishAs)


def unmark(
    workspace: Workspace,
    patterns: Sequence[str],
    selection: Selection,
    tell: Callable[[Delivery], object] | None = None,
) -> int:
    """Mark delivered extracts as not delivered; returns their number. `tell` gets each one before anything changes.

    A sync delivers them again if they are still listed, and reports a gap if not. If everything is selected, the data
    sets start again with the newest full.
    """
    with correcting(workspace) as ledger:
        folders = list(chosen_folders(ledger, patterns))
        if tell is not None:
            for folder in folders:
                for delivery in ledger.deliveries.chosen(folder, selection):
                    tell(delivery)
        return sum(
            ledger.restart(folder) if selection.is_everything else ledger.deliveries.drop(folder, selection)
            for folder in folders
        )


def accept(workspace: Workspace, patterns: Sequence[str]) -> Accepted:
    """Accept the open gaps and the absence of data sets, so that they no longer cause exit code 3."""
    with correcting(workspace) as ledger:
        folders = list(chosen_folders(ledger, patterns))
        return Accepted(sum(map(ledger.gaps.accept, folders)), sum(map(ledger.absences.accept, folders)))


def unpin(workspace: Workspace, patterns: Sequence[str]) -> list[str]:
    """Drop the pinned columns, so that the next extract of each data set pins its own; returns the data sets' names."""
    with correcting(workspace) as ledger:
        chosen = chosen_folders(ledger, patterns)
        for folder in chosen:
            ledger.columns.pin(folder, None)
        return [data_set.name for data_set in chosen.values()]
