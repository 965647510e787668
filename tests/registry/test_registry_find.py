"""A delivered data set is recognised by its ids, its folder, its name or its columns, in that order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.registry import KnownDataSet, find, known_data_sets

ANY_DATA_SET = st.sampled_from(known_data_sets())
HEX = st.text("0123456789abcdef", min_size=8, max_size=8)


def named(name: str) -> KnownDataSet:
    return next(data_set for data_set in known_data_sets() if data_set.name == name)


def header(data_set: KnownDataSet) -> list[str]:
    return [column.name for column in data_set.columns]


USERS, ENROLLMENTS = named("Users"), named("User Enrollments")
TWINS = {"Quiz User Answer Responses", "Survey User Answer Responses"}


class TestFind:
    def test_nothing_known_finds_nothing(self):
        assert find() is None
        assert find(ids=["unknown"], folder="Nothing", name="Nothing", columns=["Nothing"]) is None

    @given(ANY_DATA_SET)
    def test_any_of_its_ids_finds_it_in_any_case(self, data_set):
        for identifier in data_set.ids:
            assert find(ids=["no such id", identifier.upper()]) is data_set

    def test_an_id_wins_over_folder_name_and_columns(self):
        assert find(ids=USERS.ids, folder="Tools", name="Tools", columns=header(ENROLLMENTS)) is USERS

    def test_an_unknown_id_leaves_the_folder_to_decide(self):
        assert find(ids=["00000000-0000-4000-8000-000000000000"], folder="Users") is USERS

    def test_the_folder_wins_over_a_later_name(self):
        assert find(folder="Users", name="Tools") is USERS

    @given(ANY_DATA_SET, HEX)
    def test_a_folder_finds_it_with_and_without_an_id_suffix(self, data_set, suffix):
        folder = "".join(filter(str.isalnum, data_set.name))
        assert find(folder=folder) is data_set
        assert find(folder=folder + suffix) is data_set

    @given(ANY_DATA_SET)
    def test_a_name_finds_it_in_any_case_and_with_the_differentials_suffix(self, data_set):
        assert find(name=data_set.name.upper()) is data_set
        assert find(name=f"{data_set.name} Differential") is data_set

    @given(st.text())
    def test_any_text_is_a_name_or_a_folder_without_an_error(self, text):
        assert find(folder=text, name=text, ids=[text], columns=[text]) in (None, *known_data_sets())


class TestFindByColumns:
    @given(ANY_DATA_SET, st.lists(st.sampled_from(["Appended", "Later"]), unique=True))
    def test_its_columns_find_it_with_others_appended(self, data_set, appended):
        expected = None if data_set.name in TWINS else data_set
        assert find(columns=[*header(data_set), *appended]) is expected

    def test_case_does_not_matter(self):
        assert find(columns=[name.upper() for name in header(USERS)]) is USERS

    @pytest.mark.parametrize("columns", [header(USERS)[:-1], header(USERS)[::-1], ["Other", *header(USERS)], []])
    def test_missing_moved_or_preceding_columns_do_not(self, columns):
        assert find(columns=columns) is None

    def test_columns_of_two_data_sets_find_neither(self):
        assert {header(named(name)) == header(named(min(TWINS))) for name in TWINS} == {True}
        assert find(columns=header(named(min(TWINS)))) is None
