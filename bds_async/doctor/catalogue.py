"""Checks of the token's permissions: the first page of the catalogue, and every extract list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from ..brightspace import Tenant, list_extracts
from ..brightspace.auth import AccessToken
from ..brightspace.catalogue import (
    NEW_SCOPE,
    OLD_SCOPES,
    DataSetShape,
    DataSetsPage,
    OldDataSetShape,
    OldDataSetsPage,
    parse,
    readable_entries,
)
from ..errors import AuthorisationError, BdsError, CatalogueError, ExtractError, RefusedRequest
from ..support.running import beside
from ..support.text import counted
from .reach import ApiVersion
from .steps import Case, CheckStatus, Finding
from .token import missing

#: Upper bound for extract lists that are fetched at the same time.
WORKERS = 8
PERMISSION = "Can access Brightspace Data Sets"


@dataclass(frozen=True, slots=True)
class FirstPage:
    """The first page of the catalogue as the tenant sent it; `routes` is `new` or `old`."""

    routes: str
    path: str
    document: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class CatalogueReads:
    """The catalogue has the documented form and is not empty."""


async def check_permission(case: Case) -> Finding:
    """Check that the first page of the catalogue can be fetched, by the new routes or the old ones."""
    tenant, lp = case[Tenant], case[ApiVersion].lp
    try:
        page = await _first_page(tenant, lp, case[AccessToken].scope)
    except ExtractError as error:
        raise CatalogueError(f"Could not fetch the catalogue: {error}") from None
    case.observations["routes"] = page.routes
    return Finding(f"The user can access Brightspace Data Sets, by the {page.routes} routes.", facts=(page,))


async def _first_page(tenant: Tenant, lp: str, granted: str | None) -> FirstPage:
    new, old = (f"/d2l/api/lp/{lp}/{route}" for route in ("datasets/bds", "dataExport/bds"))
    try:
        return FirstPage("new", new, await tenant.json(_route(tenant, new)))
    except RefusedRequest as refused_new:
        if refused_new.status not in (403, 404):
            raise
        try:
            return FirstPage("old", old, await tenant.json(_route(tenant, old)))
        except RefusedRequest as refused_old:
            raise _refusal(tenant, {refused_new.status, refused_old.status}, granted) from None


def _route(tenant: Tenant, path: str) -> URL:
    return tenant.origin.with_path(path)


def _refusal(tenant: Tenant, statuses: set[int], granted: str | None) -> BdsError:
    """The error for two refusals: if the scope was granted, only the permission can be missing."""
    if 403 not in statuses:
        return CatalogueError(f"There is no list of data sets at {tenant.origin}; check bspace_url.")
    if granted is not None and not (missing(granted, NEW_SCOPE) and missing(granted, OLD_SCOPES)):
        return AuthorisationError(f"The scope is granted, but the user lacks the permission {PERMISSION}.")
    return AuthorisationError(f"The token lacks the scope {NEW_SCOPE}, or its user the permission {PERMISSION}.")


async def check_catalogue(case: Case) -> Finding:
    """Check that the first page has the form that D2L documents."""
    count, has_more = _entries(case[FirstPage])
    if not count:
        return Finding("The catalogue is empty.", CheckStatus.WARNING, "Enable Brightspace Data Sets for the tenant.")
    more = ", and more follow" if has_more else ""
    return Finding(f"{counted(count, 'entry')} on the first page{more}.", facts=(CatalogueReads(),))


def _entries(page: FirstPage) -> tuple[int, bool]:
    if page.routes == "new":
        new = parse(DataSetsPage, page.document, page.path)
        readable_entries(DataSetShape, new.objects, page.path)
        return len(new.objects), new.next is not None
    old = parse(OldDataSetsPage, page.document, page.path)
    readable_entries(OldDataSetShape, old.objects, page.path)
    return len(old.objects), old.next is not None


async def check_extracts(case: Case) -> Finding:
    """Check that every page of the catalogue and the extract list of every data set can be fetched."""
    catalogue = await case[Tenant].catalogue()
    listing = await beside(list_extracts(catalogue, catalogue.data_sets, WORKERS))
    extracts = sum(len(listed) for listed in listing.extracts.values())
    found = f"{counted(len(catalogue.data_sets), 'data set')} with {counted(extracts, 'extract')}."
    if listing.failed:
        first = listing.failed[0]
        lists = counted(len(listing.failed), "list")
        found = f"{found} {lists} can't be read; the first, of {first.data_set}: {first.error}"
        return Finding(found, facts=(listing,), error=ExtractError(found))
    return Finding(found, facts=(listing,))
