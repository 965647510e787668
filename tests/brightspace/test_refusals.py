"""If a tenant answers 403 to every extract, only a scope or a permission is missing."""

from __future__ import annotations

import pytest
from yarl import URL

from bds_async.brightspace import refused_permission
from bds_async.errors import AuthorisationError, RefusedRequest, Throttled
from tests.support.builders import an_extract

ORIGIN = URL("https://school.example")
NEW, OLD = an_extract(), an_extract(schema_id=None)


def refused(status: int = 403, origin: str = "https://school.example") -> RefusedRequest:
    return RefusedRequest("/d2l/api/x answered 403.", origin, status)


@pytest.mark.parametrize(
    ("extract", "scope"), [(NEW, "datasets:bds:read"), (OLD, "datahub:dataexports:download")], ids=["new", "old"]
)
def test_the_scope_of_the_routes_is_named(extract, scope):
    error = refused_permission([(extract, refused())] * 2, ORIGIN)
    assert isinstance(error, AuthorisationError)
    assert error.exit_code == 4
    assert f"needs the scope {scope}, and its user the permission" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "asked",
    [
        [],
        [(NEW, refused())],
        [(NEW, refused()), (NEW, None)],
        [(NEW, refused()), (NEW, refused(404))],
        [(NEW, refused()), (NEW, refused(origin="https://storage.example"))],
        [(NEW, refused()), (NEW, Throttled("a quota", 5.0))],
    ],
    ids=["none", "one", "one came", "one is unknown", "the storage", "a quota"],
)
def test_anything_else_is_the_fault_of_single_extracts(asked):
    assert refused_permission(asked, ORIGIN) is None
