"""The data sets and extracts that a tenant lists, by the new routes or the old ones."""

from .catalogue import DOWNLOAD_SCOPE, NEW_SCOPE, OLD_SCOPES, Catalogue, read_catalogue
from .listing import Listing, list_extracts
from .parsing import parse, readable_entries
from .shapes import DataSetShape, DataSetsPage, OldDataSetShape, OldDataSetsPage
from .source import Source
from .versions import DOCUMENTED, lp_versions, newest_common

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
    "Source",
    "list_extracts",
    "lp_versions",
    "newest_common",
    "parse",
    "read_catalogue",
    "readable_entries",
]
