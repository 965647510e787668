"""The extract lists of the chosen data sets, fetched in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...errors import AuthorisationError, BdsError, CatalogueError, ExtractError, Unauthorised
from ...events import ListsRead, Observer, unobserved
from ...models import DataSet, Extract
from ...report import FailedList
from ...support.pool import Pool
from ...support.text import counted
from .catalogue import Catalogue

#: Extract lists that are fetched at a time.
LISTS = 32


@dataclass(slots=True, repr=False)
class Listing:
    """The listed extracts of each data set, in the catalogue's order, and the lists that failed.

    `failed` has the data sets whose lists could not be fetched or read. A partly readable data set is in both: its
    readable extracts, and a failed list for each unreadable entry.
    """

    extracts: dict[DataSet, tuple[Extract, ...]] = field(default_factory=dict)
    failed: list[FailedList] = field(default_factory=list)
    #: Every data set of the catalogue, chosen or not.
    offered: tuple[DataSet, ...] = ()
    #: The tenant's time of the listing, None if unknown.
    moment: datetime | None = None

    def __repr__(self) -> str:
        extracts = sum(map(len, self.extracts.values()))
        return f"<Listing: {len(self.extracts)} data sets, {extracts} extracts, {len(self.failed)} failed lists>"

    @property
    def data_sets(self) -> tuple[DataSet, ...]:
        """Every data set that the tenant is known to list."""
        return tuple(dict.fromkeys((*self.offered, *self.extracts)))

    def is_whole(self, data_set: DataSet) -> bool:
        """Whether every entry of a data set's list could be read."""
        return all((each.data_set, each.schema_id) != (data_set.name, data_set.schema_id) for each in self.failed)


async def list_extracts(
    catalogue: Catalogue, data_sets: Sequence[DataSet], requests: int = LISTS, observer: Observer = unobserved
) -> Listing:
    """Fetch the extract list of each data set, `requests` at a time; `observer` gets ListsRead.

    A failed list affects only its data set. Raises CatalogueError if every list fails (AuthorisationError if each was
    refused with 401), and an exception group with whatever ends the whole run.
    """
    found: dict[DataSet, tuple[Extract, ...]] = {}
    faults: dict[DataSet, Sequence[str]] = {}
    failed: dict[DataSet, BdsError] = {}

    async def fetch(data_set: DataSet) -> None:
        """Read the extract list of one data set, or store its error."""
        try:
            found[data_set], faults[data_set] = await catalogue.readable(data_set)
        except (ExtractError, CatalogueError) as error:
            failed[data_set] = error
        observer(ListsRead(len(found) + len(failed), len(data_sets)))

    observer(ListsRead(0, len(data_sets)))
    pool = Pool(requests, fetch)
    for data_set in data_sets:
        pool.put(data_set)
    await pool.run(pool.drained())
    if failed and not found:
        raise _all_failed(list(failed.values()))
    texts = {**faults, **{data_set: (_why(data_set, error),) for data_set, error in failed.items()}}
    return Listing(
        {data_set: found[data_set] for data_set in data_sets if data_set in found},
        [
            FailedList(data_set.name, data_set.schema_id, text)
            for data_set in data_sets
            for text in texts.get(data_set, ())
        ],
    )


def _why(data_set: DataSet, error: BdsError) -> str:
    return data_set.fault or f"Could not fetch its extract list: {error}"


def _all_failed(errors: Sequence[BdsError]) -> BdsError:
    is_refused = all(isinstance(error, Unauthorised) for error in errors)
    kind = AuthorisationError if is_refused else CatalogueError
    if len(errors) == 1:
        return kind(f"Could not fetch the one extract list that was asked for: {errors[0]}")
    return kind(f"Could not fetch any of {counted(len(errors), 'extract list')}; the first: {errors[0]}")
