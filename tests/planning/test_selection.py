"""Which data sets and which extracts are selected."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.errors import ConfigError, PatternError
from bds_async.models import BdsType, DataSet, Plugin, newest
from bds_async.options import Wanted
from bds_async.planning.selection import choose, select
from tests.support.builders import QUEUED, a_data_set, an_extract, extracts, moments

USERS = a_data_set("Users", 1)
ENROLLMENTS = a_data_set("User Enrollments", 2)
GRADES = a_data_set("Grade Results", 3)
TENANT = [USERS, ENROLLMENTS, GRADES]

many = st.lists(extracts(), max_size=12)


def full(days: int = 0, **changes):
    return an_extract(queued_for_processing_date=QUEUED + timedelta(days=days), **changes)


def differential(days: int = 0, **changes):
    return full(days, bds_type=BdsType.DIFFERENTIAL, plugin_id="plugin-differential", **changes)


class TestSelect:
    def test_without_patterns_everything_is_chosen_in_the_listed_order(self):
        assert select(TENANT, [], []) == TENANT

    def test_a_tenant_without_data_sets_offers_none(self):
        assert select([], [], []) == []

    @pytest.mark.parametrize(
        "pattern",
        ["User Enrollments", "user enrollments", " USER ENROLLMENTS ", "User Enr*", "*ENROLL*", "User?Enrollments"],
    )
    def test_a_name_matches_in_any_case_and_with_wildcards(self, pattern):
        assert select(TENANT, [pattern], []) == [ENROLLMENTS]

    @pytest.mark.parametrize("pattern", ["schema-2", "SCHEMA-2", "full-2", "Diff-2", "User Enrollments Differential"])
    def test_ids_and_the_name_of_either_plugin_match_too(self, pattern):
        assert select(TENANT, [pattern], []) == [ENROLLMENTS]

    def test_a_name_has_to_match_as_a_whole(self):
        assert select(TENANT, ["Users"], []) == [USERS]
        with pytest.raises(PatternError):
            select(TENANT, ["User"], [])

    def test_what_any_pattern_names_is_chosen_once_in_the_listed_order(self):
        assert select(TENANT, ["Grade*", "User*", "Users"], []) == TENANT

    def test_exclusion_wins(self):
        assert select(TENANT, ["User*"], ["schema-1"]) == [ENROLLMENTS]
        assert select(TENANT, [], ["user*"]) == [GRADES]
        assert select(TENANT, [], ["*"]) == []

    def test_data_sets_of_one_name_are_chosen_together_and_by_id_apart(self):
        twins = [a_data_set("Users", 1), a_data_set("users", 2)]
        assert select(twins, ["Users"], []) == twins
        assert select(twins, ["schema-2"], []) == twins[1:]

    def test_data_sets_of_the_old_routes_have_no_schema_id(self):
        old = DataSet(None, Plugin("P-1", "Users"), None)
        assert select([old, GRADES], ["p-1"], []) == [old]

    @pytest.mark.parametrize("sign", [".", "+", "[a]", "(", "^", "\\", "$", "{2}", "|"])
    def test_signs_of_other_pattern_languages_mean_themselves(self, sign):
        odd = a_data_set(f"Users{sign}", 4)
        assert select([*TENANT, odd], [f"users{sign}"], []) == [odd]

    @given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name == name.strip()))
    def test_whatever_a_data_set_is_called_its_name_names_it(self, name):
        odd = a_data_set(name, 4)
        assert odd in select([*TENANT, odd], [name], [])


class TestNearMisses:
    @pytest.mark.parametrize(("patterns", "exclude"), [(["Usres"], []), ([], ["Usres"]), (["Users", "Usres"], [])])
    def test_a_pattern_that_matches_nothing_is_an_error_that_names_near_misses(self, patterns, exclude):
        with pytest.raises(PatternError, match=r"'Usres'; did you mean 'Users'") as caught:
            select(TENANT, patterns, exclude)
        assert isinstance(caught.value, ConfigError)
        assert caught.value.exit_code == 2

    def test_a_name_written_without_its_space_is_near(self):
        with pytest.raises(PatternError, match="'User Enrollments'"):
            select(TENANT, ["userenrollments"], [])

    def test_where_nothing_is_near_it_says_how_to_see_them_all(self):
        with pytest.raises(PatternError, match="bds-async list"):
            select(TENANT, ["zzzzzz"], [])

    def test_an_empty_pattern_is_an_error(self):
        with pytest.raises(PatternError):
            select(TENANT, [""], [])


class TestChoose:
    def test_full_is_the_newest_full_alone(self):
        assert choose([full(0), differential(2), full(1)], Wanted.FULL) == [full(1)]

    def test_differential_is_every_differential_oldest_first(self):
        listed = [differential(2), full(5), differential(1), differential(3)]
        assert choose(listed, Wanted.DIFFERENTIAL) == [differential(1), differential(2), differential(3)]

    def test_all_is_both_oldest_first(self):
        listed = [differential(2), full(1), full(0), differential(0)]
        assert choose(listed, Wanted.ALL) == [differential(0), full(1), differential(2)]

    def test_since_keeps_what_was_queued_at_that_moment(self):
        since = QUEUED + timedelta(days=1)
        assert choose([differential(0), differential(1)], Wanted.DIFFERENTIAL, since) == [differential(1)]

    def test_a_newest_full_that_is_too_old_is_not_replaced_by_anything(self):
        assert choose([full(0)], Wanted.FULL, QUEUED + timedelta(days=1)) == []

    @given(many)
    def test_full_chooses_one_if_there_is_one(self, listed):
        fulls = [extract for extract in listed if extract.bds_type is BdsType.FULL]
        assert [one.age_key for one in choose(listed, Wanted.FULL)] == [one.age_key for one in [newest(fulls)] if one]

    @given(many)
    def test_differential_loses_none_and_adds_none(self, listed):
        differentials = [extract for extract in listed if extract.bds_type is BdsType.DIFFERENTIAL]
        assert choose(listed, Wanted.DIFFERENTIAL) == sorted(differentials, key=lambda one: one.age_key)

    @given(many)
    def test_all_is_what_the_two_others_choose(self, listed):
        both = choose(listed, Wanted.FULL) + choose(listed, Wanted.DIFFERENTIAL)
        chosen = choose(listed, Wanted.ALL)
        assert [one.age_key for one in chosen] == sorted(one.age_key for one in both)
        assert {one.identity for one in chosen} == {one.identity for one in both}

    @given(many, st.sampled_from(Wanted), moments)
    def test_since_takes_away_what_was_queued_before_and_nothing_else(self, listed, wanted, since):
        chosen = choose(listed, wanted)
        kept = [extract for extract in chosen if extract.queued_for_processing_date >= since]
        assert choose(listed, wanted, since) == kept

    @given(many, st.sampled_from(Wanted), moments)
    def test_since_without_a_zone_is_utc(self, listed, wanted, since):
        assert choose(listed, wanted, since.replace(tzinfo=None)) == choose(listed, wanted, since)

    @given(many, st.sampled_from(Wanted), st.randoms())
    def test_the_order_of_the_list_does_not_matter(self, listed, wanted, random):
        shuffled = random.sample(listed, len(listed))
        ages = [[extract.age_key for extract in choose(some, wanted)] for some in (listed, shuffled)]
        assert ages[0] == ages[1]
