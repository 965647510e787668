"""Names become snake_case, and stay unique."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.mirrors.names import NAME_BYTES, column_names, snake_case


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("UserEnrollments", "user_enrollments"),
        ("OrgUnitId", "org_unit_id"),
        ("IMSRoleNames", "ims_role_names"),
        ("SendD2LOrgDefinedId", "send_d2l_org_defined_id"),
        ("BaseObjectID", "base_object_id"),
        ("ObjectId1", "object_id1"),
        ("LTILinks", "lti_links"),
        ("", "column"),
    ],
)
def test_snake_case(name: str, wanted: str) -> None:
    assert snake_case(name) == wanted


def test_names_that_become_equal_are_numbered() -> None:
    names = column_names(["OrgUnitId", "OrgUnitID", "orgUnitId", "_bds_queued"], ["_bds_queued"])
    assert names == ("org_unit_id", "org_unit_id_2", "org_unit_id_3", "_bds_queued_2")


@given(st.lists(st.text(max_size=80), max_size=12))
def test_names_are_unique_and_short(header: list[str]) -> None:
    names = column_names(header, ["_bds_queued"])
    assert len({name.casefold() for name in names}) == len(header)
    assert all(0 < len(name.encode()) <= NAME_BYTES for name in names)
