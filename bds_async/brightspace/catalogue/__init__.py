"""The data sets and extracts that a tenant lists, by the new routes or the old ones."""

from .catalogue import DOWNLOAD_SCOPE, NEW_SCOPE, OLD_SCOPES, Catalogue, read_catalogue
from .listing import Listing, list_extracts
from .shapes import DataSetsPage, OldDataSetsPage, ProductVersions, parse
from .source import Source
from .versions import DOCUMENTED, newest_common

__all__ = [
    "DOCUMENTED",
    "DOWNLOAD_SCOPE",
    "NEW_SCOPE",
    "OLD_SCOPES",
    "Catalogue",
    "DataSetsPage",
    "Listing",
    "OldDataSetsPage",
    "ProductVersions",
    "Source",
    "list_extracts",
    "newest_common",
    "parse",
    "read_catalogue",
]
