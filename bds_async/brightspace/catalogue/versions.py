"""The version of the LP API to use: the newest that both sides know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...errors import ConfigError, ExtractError, RefusedRequest
from ...models import version_key
from ..routes import VERSIONS
from .parsing import parse
from .shapes import ProductVersions
from .source import Source

#: The oldest and the newest version of the LP API known to work with Brightspace Data Sets.
OLDEST_KNOWN, NEWEST_KNOWN = "1.15", "1.63"
#: The version in D2L's own guide, for a tenant that does not list its versions.
DOCUMENTED = "1.43"


async def negotiate(tenant: Source, wanted: str | None) -> str:
    """The LP version to use: `wanted` if the tenant knows it, else the newest that both sides know.

    Raises ConfigError for a `wanted` version that the tenant does not know.
    """
    supported = await _supported(tenant)
    if wanted is not None:
        if supported and wanted not in supported:
            raise ConfigError(f"{tenant.origin} does not know api_version {wanted}; it knows {', '.join(supported)}.")
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


async def _supported(tenant: Source) -> list[str]:
    """Versions of the LP API that the tenant supports, empty if it does not list them (`GET /d2l/api/versions/`)."""
    try:
        document = await tenant.json(tenant.origin.with_path(VERSIONS))
    except RefusedRequest:
        return []
    if not isinstance(document, list):
        raise ExtractError(f"{VERSIONS} answered something that is not a list of products.")
    return lp_versions(document)


def lp_versions(products: Iterable[Any]) -> list[str]:
    """The versions of the LP API in an answer of `GET /d2l/api/versions/`; raises CatalogueError."""
    return [
        version
        for product in [parse(ProductVersions, entry, VERSIONS) for entry in products]
        if product.product_code.lower() == "lp"
        for version in product.supported_versions
        if version is not None and version_key(version)
    ]
