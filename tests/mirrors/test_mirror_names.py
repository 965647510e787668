"""Names become snake_case, and stay unique."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.mirrors.names import NAME_BYTES, SYSTEM_COLUMNS, column_names, own_name, snake_case


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
    names = column_names(["OrgUnitId", "OrgUnitID", "orgUnitId"])
    assert names == ("org_unit_id", "org_unit_id_2", "org_unit_id_3")


@pytest.mark.parametrize(
    ("delivered", "wanted"),
    [
        ("_bds_queued", "_bds_queued_2"),
        (" bdsQueued", "_bds_queued_2"),
        ("[Bds_Bad", "_bds_bad_2"),
        ("-bds_live", "_bds_live_2"),
        ("_bds_c0", "bds_c0"),
        ("_bds_key_x", "bds_key_x"),
        ("_bds_note", "_bds_note"),
        ("rowid", "rowid_2"),
        ("RowId", "row_id"),
        ("ctid", "ctid"),
    ],
)
def test_no_name_is_private_or_reserved(delivered: str, wanted: str) -> None:
    assert column_names([delivered], SYSTEM_COLUMNS["duckdb"]) == (wanted,)


def test_long_private_names_stay_different() -> None:
    names = {own_name(f"_bds_gone_{'x' * 60}{end}") for end in ("", "_2", "_3")}
    assert len(names) == 3
    assert {len(name) for name in names} == {NAME_BYTES}
    assert own_name("_bds_gone_users") == "_bds_gone_users"


@given(st.lists(st.text(max_size=80), max_size=12))
def test_names_are_unique_and_short(header: list[str]) -> None:
    names = column_names(header)
    assert len({name.casefold() for name in names}) == len(header)
    assert all(0 < len(name.encode()) <= NAME_BYTES for name in names)
