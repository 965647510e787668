"""Which version of the LP API to ask for: the newest that both sides know."""

from __future__ import annotations

from ...errors import ConfigError, ExtractError, RefusedRequest
from ...models import version_key
from ..tenant import VERSIONS, Tenant
from .pages import ProductVersions, parse

#: `GET /d2l/api/versions/`
ROUTE = VERSIONS
#: The versions of the LP API with which Brightspace Data Sets have been read.
OLDEST_KNOWN, NEWEST_KNOWN = "1.15", "1.63"
#: The version of D2L's own guide, for a tenant that will not say what it supports.
DOCUMENTED = "1.43"


async def negotiate(tenant: Tenant, wanted: str | None) -> str:
    """The LP version to use: `wanted` if the tenant knows it, else the newest that both sides know.

    Raises ConfigError for a `wanted` version that the tenant does not know.
    """
    supported = await _supported(tenant)
    if wanted is not None:
        if supported and wanted not in supported:
            raise ConfigError(f"api_version {wanted} is not known to {tenant.origin}; it knows {', '.join(supported)}.")
        return wanted
    return newest_common(supported) if supported else DOCUMENTED


def newest_common(supported: list[str]) -> str:
    """The newest supported version that bds-async knows, else the one nearest above, else the newest below."""
    low, high = version_key(OLDEST_KNOWN), version_key(NEWEST_KNOWN)
    known = [version for version in supported if low <= version_key(version) <= high]
    above = [version for version in supported if version_key(version) > high]
    if known:
        return max(known, key=version_key)
    return min(above, key=version_key) if above else max(supported, key=version_key)


async def _supported(tenant: Tenant) -> list[str]:
    """Versions of the LP API that the tenant supports, none where it will not say."""
    try:
        document = await tenant.json(tenant.origin.with_path(ROUTE))
    except RefusedRequest:
        return []
    if not isinstance(document, list):
        raise ExtractError(f"{ROUTE} answered something that is not a list of products.")
    products = [parse(ProductVersions, entry, ROUTE) for entry in document]
    return [
        version
        for product in products
        if product.product_code.lower() == "lp"
        for version in product.supported_versions
        if version_key(version)
    ]
