"""The data sets of a tenant and their extracts, by the new routes or the old ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from yarl import URL

from ...errors import AuthorisationError, BdsError, CatalogueError, ExtractError, RefusedRequest, Unauthorised
from ...models import DataSet, Extract
from ...support.text import counted
from .. import routes
from .old_routes import paired, unique_extracts
from .parsing import parse, readable_entries
from .shapes import DataSetShape, DataSetsPage, ExtractShape, ExtractsPage, OldDataSetShape, OldDataSetsPage
from .source import Source
from .unreadable import told_apart, unreadable_data_set
from .versions import negotiate

#: Scopes that each family of routes needs.
NEW_SCOPE = "datasets:bds:read"
DOWNLOAD_SCOPE = "datahub:dataexports:download"
OLD_SCOPES = f"datahub:dataexports:read {DOWNLOAD_SCOPE}"
#: A listing of more pages than this counts as endless.
MAX_PAGES = 10_000
#: Malformed entries of one extract list that are named one by one.
MOST_FAULTS = 5


Page = TypeVar("Page", DataSetsPage, ExtractsPage, OldDataSetsPage)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The data sets of one tenant, read by one family of routes; `lp` is the version of the LP API."""

    tenant: Source
    lp: str
    data_sets: tuple[DataSet, ...]

    async def extracts(self, data_set: DataSet) -> tuple[Extract, ...]:
        """Every extract of a data set that the tenant still lists, both types, in no promised order.

        `GET /d2l/api/lp/{lp}/datasets/bds/{schemaId}/extracts`; the old routes list them with the data set. Raises
        CatalogueError or ExtractError; an incomplete list is never taken for a whole one.
        """
        found, faults = await self.readable(data_set)
        if faults:
            raise CatalogueError(faults[0])
        return found

    async def readable(self, data_set: DataSet) -> tuple[tuple[Extract, ...], tuple[str, ...]]:
        """Like `extracts`, but with a fault for each unreadable entry; raises CatalogueError if none can be read."""
        if data_set.fault:
            raise CatalogueError(data_set.fault)
        found, faults = await self._listed(data_set)
        texts = [f"An entry of its extract list can't be read: {fault}." for fault in faults[:MOST_FAULTS]]
        if rest := len(faults) - len(texts):
            texts.append(f"{counted(rest, 'more entry')} of its extract list can't be read.")
        return found, tuple(texts)

    async def _listed(self, data_set: DataSet) -> tuple[tuple[Extract, ...], Sequence[str]]:
        if data_set.schema_id is None:
            return data_set.extracts, data_set.extract_faults
        found: list[Extract | None] = []
        faults: list[str] = []
        for url in self._extracts_urls(data_set, data_set.schema_id):
            pages = _pages(self.tenant, url, ExtractsPage, f"The extract list of {data_set.name}")
            entries = [entry async for page in pages for entry in page.objects]
            shapes, unreadable = readable_entries(ExtractShape, entries, url.path)
            found += [shape.extract(data_set) for shape in shapes]
            faults += unreadable.values()
        return unique_extracts(extract for extract in found if extract is not None), faults

    def _extracts_urls(self, data_set: DataSet, schema_id: str) -> list[URL]:
        links = [self.tenant.own(link, f"The ExtractsLink of {data_set.name}") for link in data_set.extracts_links]
        return links or [routes.extracts(self.tenant.origin, self.lp, schema_id)]


async def read_catalogue(tenant: Source, api_version: str | None) -> Catalogue:
    """Read the list of data sets by the new routes; by the old ones if the new are refused (403) or unknown (404).

    Raises CatalogueError if neither list can be read to its end, AuthorisationError if the token's scope covers
    neither, ConfigError for an `api_version` that the tenant does not know.
    """
    try:
        lp = await negotiate(tenant, api_version)
        return Catalogue(tenant, lp, await _read_either(tenant, lp))
    except Unauthorised as error:
        raise AuthorisationError(str(error)) from None
    except ExtractError as error:
        raise CatalogueError(f"Could not fetch the list of data sets: {error}") from None


async def _read_either(tenant: Source, lp: str) -> tuple[DataSet, ...]:
    try:
        return await _read_new(tenant, lp)
    except RefusedRequest as refused_new:
        if refused_new.status not in (403, 404):
            raise
        return await _read_old(tenant, lp, refused_new)


async def _read_new(tenant: Source, lp: str) -> tuple[DataSet, ...]:
    url = routes.data_sets(tenant.origin, lp)
    entries = [entry async for page in _pages(tenant, url, DataSetsPage) for entry in page.objects]
    shapes, unreadable = readable_entries(DataSetShape, entries, url.path)
    return told_apart([*(shape.data_set() for shape in shapes), *_unreadable(entries, unreadable)])


async def _read_old(tenant: Source, lp: str, refused_new: RefusedRequest) -> tuple[DataSet, ...]:
    url = routes.old_data_sets(tenant.origin, lp)
    try:
        entries = [entry async for page in _pages(tenant, url, OldDataSetsPage) for entry in page.objects]
    except RefusedRequest as refused_old:
        raise _neither(refused_new, refused_old) from None
    shapes, unreadable = readable_entries(OldDataSetShape, entries, url.path)
    return told_apart([*paired(shapes), *_unreadable(entries, unreadable)])


def _unreadable(entries: Sequence[Any], faults: Mapping[int, str]) -> list[DataSet]:
    return [unreadable_data_set(entries[place], fault, place + 1) for place, fault in faults.items()]


def _neither(new: RefusedRequest, old: RefusedRequest) -> BdsError:
    if 403 in (new.status, old.status):
        return AuthorisationError(
            f"This login may not read Brightspace Data Sets ({new.status} and {old.status}): it needs the scope "
            f"{NEW_SCOPE}, or {OLD_SCOPES}, and its user the permission Can access Brightspace Data Sets; "
            "add what is missing, then run `bds-async login` again."
        )
    return CatalogueError(
        f"There is no list of data sets at {new.origin} ({new.status} and {old.status}); check bspace_url."
    )


async def _pages(
    tenant: Source, first: URL, shape: type[Page], what: str = "The list of data sets"
) -> AsyncIterator[Page]:
    """Every page of a listing; raises CatalogueError if it leads off the tenant or never ends."""
    seen: set[URL] = set()
    url: URL | None = first
    while url is not None:
        if url in seen or len(seen) >= MAX_PAGES:
            raise CatalogueError(f"The pages of {first.path} run in a circle; the listing can't be trusted.")
        seen.add(url)
        page = parse(shape, await tenant.json(url, what), first.path)
        yield page
        url = tenant.own(page.next, f"The next page of {first.path}") if page.next else None
