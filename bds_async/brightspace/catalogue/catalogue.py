"""What the tenant offers: its data sets and their extracts, by the new routes or the old ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable
from dataclasses import dataclass
from typing import TypeVar

from yarl import URL

from ...errors import AuthorisationError, BdsError, CatalogueError, ExtractError, RefusedRequest, Unauthorised
from ...models import DataSet, Extract, base_name
from ..tenant import Tenant
from .pages import DataSetsPage, ExtractsPage, OldDataSetShape, OldDataSetsPage, parse
from .versions import negotiate

#: Scopes that each family of routes needs.
NEW_SCOPE = "datasets:bds:read"
OLD_SCOPES = "datahub:dataexports:read datahub:dataexports:download"
#: A listing of more pages than this is taken for one without an end.
MAX_PAGES = 10_000


Page = TypeVar("Page", DataSetsPage, ExtractsPage, OldDataSetsPage)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The data sets of one tenant, read by one family of routes (`lp` is its version of the LP API)."""

    tenant: Tenant
    lp: str
    data_sets: tuple[DataSet, ...]

    async def extracts(self, data_set: DataSet) -> tuple[Extract, ...]:
        """Every extract of a data set that the tenant still lists, both types, in no promised order.

        `GET /d2l/api/lp/{lp}/datasets/bds/{schemaId}/extracts`, unless the listing brought them along (old routes).
        Raises CatalogueError or ExtractError; an incomplete list is never taken for a whole one.
        """
        if data_set.schema_id is None:
            return data_set.extracts
        listed = [
            shape.extract(data_set)
            for url in self._extracts_urls(data_set, data_set.schema_id)
            async for page in _pages(self.tenant, url, ExtractsPage, f"The extract list of {data_set.name}")
            for shape in page.objects
        ]
        return _distinct(extract for extract in listed if extract is not None)

    def _extracts_urls(self, data_set: DataSet, schema_id: str) -> list[URL]:
        links = [self.tenant.own(link, f"The ExtractsLink of {data_set.name}") for link in data_set.extracts_links]
        return links or [_new_route(self.tenant, self.lp) / schema_id / "extracts"]


async def read_catalogue(tenant: Tenant, api_version: str | None) -> Catalogue:
    """The tenant's data sets by the new routes; by the old ones where the new are refused (403) or unknown (404).

    Raises CatalogueError if neither listing comes whole, AuthorisationError if the token has the scope of neither,
    ConfigError for an `api_version` that the tenant does not know.
    """
    try:
        lp = await negotiate(tenant, api_version)
        return Catalogue(tenant, lp, await _read_either(tenant, lp))
    except Unauthorised as error:
        raise AuthorisationError(str(error)) from None
    except ExtractError as error:
        raise CatalogueError(f"The list of data sets would not come: {error}") from None


async def _read_either(tenant: Tenant, lp: str) -> tuple[DataSet, ...]:
    try:
        return await _read_new(tenant, lp)
    except RefusedRequest as refused_new:
        if refused_new.status not in (403, 404):
            raise
        return await _read_old(tenant, lp, refused_new)


async def _read_new(tenant: Tenant, lp: str) -> tuple[DataSet, ...]:
    pages = _pages(tenant, _new_route(tenant, lp), DataSetsPage)
    data_sets = [shape.data_set() async for page in pages for shape in page.objects]
    return tuple({data_set.ids[0]: data_set for data_set in data_sets}.values())


async def _read_old(tenant: Tenant, lp: str, refused_new: RefusedRequest) -> tuple[DataSet, ...]:
    route = tenant.origin.with_path(f"/d2l/api/lp/{lp}/dataExport/bds")
    try:
        entries = [
            entry async for page in _pages(tenant, route, OldDataSetsPage) for entry in page.brightspace_data_sets
        ]
    except RefusedRequest as refused_old:
        raise _neither(refused_new, refused_old) from None
    return paired(entries)


def paired(entries: Iterable[OldDataSetShape]) -> tuple[DataSet, ...]:
    """Old listings name a full and its differential apart; put them together by their names."""
    distinct = {entry.plugin_id.lower(): entry for entry in entries}.values()
    fulls = {entry.name: entry for entry in reversed(distinct) if entry.full_data_set}
    partners: dict[str, OldDataSetShape] = {}
    orphans = []
    for entry in (entry for entry in distinct if not entry.full_data_set):
        full = fulls.get(_full_name(entry, fulls))
        if full is None or partners.setdefault(full.plugin_id, entry) is not entry:
            orphans.append(entry)
    pairs = [_old_data_set(entry, partners.get(entry.plugin_id)) for entry in distinct if entry.full_data_set]
    return (*pairs, *(_old_data_set(None, orphan) for orphan in orphans))


def _full_name(differential: OldDataSetShape, fulls: Container[str]) -> str:
    """The name of a differential's full: without D2L's suffix, which other languages may spell otherwise."""
    localised = differential.name.strip().rpartition(" ")[0]
    return localised if localised in fulls else base_name(differential.name)


def _old_data_set(full: OldDataSetShape | None, differential: OldDataSetShape | None) -> DataSet:
    data_set = DataSet(None, full.plugin() if full else None, differential.plugin() if differential else None)
    extracts = [extract for entry in (full, differential) if entry for extract in entry.extracts(data_set.name)]
    return DataSet(None, data_set.full, data_set.differential, extracts=_distinct(extracts))


def _neither(new: RefusedRequest, old: RefusedRequest) -> BdsError:
    if 403 in (new.status, old.status):
        return AuthorisationError(
            f"The token may read neither family of routes ({new.status} and {old.status}): it needs the scope "
            f"{NEW_SCOPE}, or {OLD_SCOPES}, and its user the permission Can access Brightspace Data Sets; "
            "add what is missing, then run `bds-async login` again."
        )
    return CatalogueError(
        f"There is no list of data sets at {new.origin} ({new.status} and {old.status}); check bspace_url."
    )


def _new_route(tenant: Tenant, lp: str) -> URL:
    return tenant.origin.with_path(f"/d2l/api/lp/{lp}/datasets/bds")


async def _pages(
    tenant: Tenant, first: URL, shape: type[Page], what: str = "The list of data sets"
) -> AsyncIterator[Page]:
    """Every page of a listing; raises CatalogueError when it leaves the tenant or runs in a circle."""
    seen: set[URL] = set()
    url: URL | None = first
    while url is not None:
        if url in seen or len(seen) >= MAX_PAGES:
            raise CatalogueError(f"The pages of {first.path} run in a circle; the listing can't be trusted.")
        seen.add(url)
        page = parse(shape, await tenant.json(url, what), first.path)
        yield page
        url = tenant.own(page.next, f"The next page of {first.path}") if page.next else None


def _distinct(extracts: Iterable[Extract]) -> tuple[Extract, ...]:
    return tuple({extract.identity: extract for extract in extracts}.values())
