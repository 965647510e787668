"""Data sets and extracts: identity, order, names, and moments as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.models import BdsType, DataSet, Plugin, base_name, brief_text, newest, utc_text, version_key
from tests.support.builders import QUEUED, a_data_set, an_extract, extracts, moments, versions


class TestIdentity:
    @given(st.text(), st.text(), st.none() | st.integers(0))
    def test_name_schema_id_link_and_size_are_no_part_of_it(self, name, link, size):
        changed = an_extract(data_set=name, schema_id=None, download_link=link, download_size=size)
        assert changed.identity == an_extract().identity

    @pytest.mark.parametrize(
        "change",
        [
            {"plugin_id": "other"},
            {"bds_type": BdsType.DIFFERENTIAL},
            {"queued_for_processing_date": QUEUED + timedelta(seconds=1)},
            {"created_date": QUEUED},
            {"version": "9.5"},
        ],
    )
    def test_anything_else_makes_another_extract(self, change):
        assert an_extract(**change).identity != an_extract().identity

    @given(st.integers(0, 999_999), st.integers(0, 999_999), st.sampled_from([-1, 0, 1]))
    def test_dates_are_compared_to_the_whole_second(self, one, other, seconds):
        """Fractions of a second make no different extract, a second does, and both dates stay as listed."""
        first = an_extract(
            queued_for_processing_date=QUEUED.replace(microsecond=one), created_date=QUEUED.replace(microsecond=other)
        )
        moved = QUEUED.replace(microsecond=other) + timedelta(seconds=seconds)
        second = an_extract(queued_for_processing_date=moved, created_date=QUEUED.replace(microsecond=one))
        assert (first.identity == second.identity) == (seconds == 0)
        assert len({first.identity, second.identity}) == (1 if seconds == 0 else 2)
        assert second.identity.queued_for_processing_date == moved

    def test_ids_are_compared_without_case(self):
        """GUIDs may have either case, and the two families of routes may differ."""
        assert an_extract(plugin_id="PLUGIN-Full").identity == an_extract().identity

    def test_the_same_moment_in_another_zone_is_the_same_extract(self):
        toronto = QUEUED.astimezone(timezone(timedelta(hours=-5)))
        assert an_extract(queued_for_processing_date=toronto).identity == an_extract().identity

    def test_the_link_is_in_no_repr(self):
        extract = an_extract(download_link="https://school.example/x?sig=hush")
        data_set = a_data_set(extracts_links=("https://school.example/y?sig=hush",), extracts=(extract,))
        assert "hush" not in f"{extract!r} {extract} {extract.identity!r} {data_set!r} {data_set}"


class TestOrder:
    @given(st.lists(extracts(), min_size=1))
    def test_newest_is_the_latest_queued_then_the_highest_version(self, some):
        found = newest(some)
        assert all(extract.queued_for_processing_date <= found.queued_for_processing_date for extract in some)
        rivals = [one for one in some if one.queued_for_processing_date == found.queued_for_processing_date]
        assert all(version_key(rival.version) <= version_key(found.version) for rival in rivals)

    def test_of_one_moment_nine_point_ten_is_above_nine_point_four(self):
        assert newest([an_extract(version="9.10"), an_extract(version="9.4")]).version == "9.10"

    def test_of_one_moment_and_version_the_one_created_last_is_newest(self):
        again = an_extract(created_date=QUEUED + timedelta(days=1))
        assert newest([again, an_extract()]) is again

    def test_newest_of_nothing_is_none(self):
        assert newest([]) is None

    @given(versions, versions)
    def test_versions_are_ordered_by_number(self, one, other):
        numbers = [tuple(int(part) for part in version.split(".")) for version in (one, other)]
        assert (version_key(one) < version_key(other)) == (numbers[0] < numbers[1])

    @given(st.text())
    def test_any_text_can_stand_where_a_version_should(self, text):
        assert all(number >= 0 for number in version_key(text))


class TestNames:
    def test_a_data_set_is_called_as_its_full(self):
        assert a_data_set("Users").name == "Users"
        assert a_data_set("Users", differential=None).name == "Users"

    def test_without_a_full_it_is_called_as_its_differential_without_the_suffix(self):
        assert a_data_set("Users", full=None).name == "Users"

    def test_without_either_it_has_no_name(self):
        assert DataSet("schema-1", None, None).name == ""

    @pytest.mark.parametrize("suffix", [" Differential", " differential ", "\u00a0 DIFFERENTIAL", ""])
    def test_the_suffix_goes_in_any_case(self, suffix):
        assert base_name("Grade Results" + suffix) == "Grade Results"

    @pytest.mark.parametrize("name", ["Differential", "Differential Users", "UsersDifferential"])
    def test_the_word_elsewhere_is_part_of_the_name(self, name):
        assert base_name(name) == name

    def test_it_is_known_by_its_own_name_and_those_of_its_plugins(self):
        assert set(a_data_set("Users").names) == {"Users", "Users Differential"}

    def test_it_is_known_by_all_of_its_ids_in_lower_case(self):
        data_set = DataSet("SCHEMA", Plugin("Full", "Users"), Plugin("Diff", "Users Differential"))
        assert data_set.ids == ("schema", "full", "diff")
        assert DataSet(None, None, Plugin("Diff", "x")).ids == ("diff",)

    def test_the_flavours_name_their_folders(self):
        assert [flavour.folder for flavour in BdsType] == ["full", "differential"]

    def test_an_extract_says_which_it_is(self):
        assert str(an_extract()) == "User Enrollments (full, 2026-11-22T04:09:22.000Z)"


class TestMoments:
    @given(moments)
    def test_text_tells_the_moment_exactly(self, moment):
        assert datetime.fromisoformat(utc_text(moment)) == moment

    @given(moments, st.integers(-14, 14))
    def test_text_is_in_utc_whatever_the_zone(self, moment, hours):
        assert utc_text(moment.astimezone(timezone(timedelta(hours=hours)))) == utc_text(moment)

    def test_text_has_milliseconds_as_d2l_has_and_more_only_where_there_are_more(self):
        moment = datetime(2026, 11, 22, 4, 9, 22, 120000, UTC)
        assert utc_text(moment) == "2026-11-22T04:09:22.120Z"
        assert utc_text(moment + timedelta(microseconds=1)) == "2026-11-22T04:09:22.120001Z"

    def test_for_people_there_is_a_fraction_only_where_it_says_something(self):
        moment = datetime(2026, 11, 22, 4, 9, 22, tzinfo=UTC)
        assert brief_text(moment) == "2026-11-22T04:09:22Z"
        assert brief_text(moment.replace(microsecond=120_000)) == "2026-11-22T04:09:22.120Z"
