"""One request: its route, its data set and its handler."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from ..data.extracts import SandboxDataSet
from ..faults import Fault
from ..seen import SeenRequest
from ..tenant import Tenant


@dataclass
class Call:
    """A request and what is known about it."""

    tenant: Tenant
    request: web.Request
    seen: SeenRequest
    kind: str
    params: Mapping[str, str]
    data_set: SandboxDataSet | None = None
    bds_type: str | None = None
    #: Headers added to every answer to it.
    headers: dict[str, str] = field(default_factory=dict)
    #: The faults that hit this request.
    faults: tuple[Fault, ...] = ()

    def fault(self, action: str) -> Fault | None:
        """Return the fault with this action that hits the request, or None."""
        return next((fault for fault in self.faults if fault.action == action), None)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """One route: `kind` is its name in faults and in the log of requests; paths match in any letter case."""

    path: re.Pattern[str]
    kind: str
    handlers: Mapping[str, Handler]

    @classmethod
    def of(cls, path: str, kind: str, **handlers: Handler) -> Route:
        """Compile a route; the keywords are its HTTP methods."""
        return cls(re.compile(path, re.IGNORECASE), kind, handlers)


class Refused(Exception):
    """An error answer; handlers raise it from any depth."""

    def __init__(self, status: int, body: str, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status, self.body, self.content_type, self.headers = status, body, content_type, dict(headers or {})

    def response(self) -> web.Response:
        """Return the answer."""
        return web.Response(status=self.status, text=self.body, content_type=self.content_type, headers=self.headers)
