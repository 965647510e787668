"""The data sets and extracts that a tenant lists, by the new routes or the old ones."""

from .catalogue import DOWNLOAD_SCOPE, NEW_SCOPE, OLD_SCOPES, Catalogue, read_catalogue
from .listing import Listing, list_extracts
from .parsing import parse, readable_entries
from .shapes import DataSetShape, DataSetsPage, OldDataSetShape, OldDataSetsPage, ProductVersions
from .source import Source
from .versions import DOCUMENTED, newest_common

__all__ = [
    "DOCUMENTED",
    "DOWNLOAD_SCOPE",
    "NEW_SCOPE",
    "OLD_SCOPES",
    "Catalogue",
    "DataSetShape",
    "DataSetsPage",
    "Listing",
    "OldDataSetShape",
    "OldDataSetsPage",
    "ProductVersions",
    "Source",
    "list_extracts",
    "newest_common",
    "parse",
    "read_catalogue",
    "readable_entries",
]
