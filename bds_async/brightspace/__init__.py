"""All code that is specific to D2L: HTTP, routes, retry policy, gate, tenant, catalogue, tokens, login."""

from .catalogue import Catalogue, Listing, list_extracts, read_catalogue
from .connection import Connection, connect, connect_tenant
from .gate import Gate
from .links import to_url
from .refusals import refused_permission
from .retry import Tries, full_jitter, retrying
from .source import Source
from .storage import Storage
from .tenant import Tenant

__all__ = [
    "Catalogue",
    "Connection",
    "Gate",
    "Listing",
    "Source",
    "Storage",
    "Tenant",
    "Tries",
    "connect",
    "connect_tenant",
    "full_jitter",
    "list_extracts",
    "read_catalogue",
    "refused_permission",
    "retrying",
    "to_url",
]
