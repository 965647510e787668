"""The interface that the catalogue needs of a tenant; `Tenant` provides it."""

from __future__ import annotations

from typing import Any, Protocol

from yarl import URL


class Source(Protocol):
    """JSON routes of one tenant."""

    origin: URL

    def own(self, link: str, route: str) -> URL:
        """Resolve a link in a listing, which must stay on the tenant; raises CatalogueError for a foreign one."""
        ...

    async def json(self, url: URL, what: str | None = None) -> Any:
        """GET a JSON route and decode its answer; raises ExtractError, AuthorisationError, UnreachableError."""
        ...
