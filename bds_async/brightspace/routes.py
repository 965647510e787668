"""The routes of the D2L API that are used; `lp` is a version of the LP API."""

from __future__ import annotations

from yarl import URL

#: `GET`: the versions of each product. The only route that needs no token, so its answer does not test one.
VERSIONS = "/d2l/api/versions/"


def data_sets(origin: URL, lp: str) -> URL:
    """New routes: the paged list of data sets, `GET /d2l/api/lp/{lp}/datasets/bds`."""
    return origin.with_path(f"/d2l/api/lp/{lp}/datasets/bds")


def extracts(origin: URL, lp: str, schema_id: str) -> URL:
    """New routes: the paged list of a data set's extracts, `GET …/datasets/bds/{schemaId}/extracts`."""
    return data_sets(origin, lp) / schema_id / "extracts"


def old_data_sets(origin: URL, lp: str) -> URL:
    """Old routes: the paged list of data sets with their extracts, `GET /d2l/api/lp/{lp}/dataExport/bds`."""
    return origin.with_path(f"/d2l/api/lp/{lp}/dataExport/bds")
