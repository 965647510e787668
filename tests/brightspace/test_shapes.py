"""D2L's JSON as data sets and extracts: lenient about what is new, precise about what is missing."""

import copy
import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.brightspace.catalogue.parsing import parse, readable
from bds_async.brightspace.catalogue.shapes import (
    DataSetShape,
    DataSetsPage,
    ExtractShape,
    ExtractsPage,
    OldDataSetShape,
    OldDataSetsPage,
    ProductVersions,
)
from bds_async.errors import CatalogueError
from bds_async.models import BdsType, DataSet
from tests.support.builders import moments

ROUTE = "/d2l/api/lp/1.43/datasets/bds"
FULL = {"PluginId": "P-full", "Name": "Users", "Description": "all", "ExtractsLink": "https://t/x"}
DATA_SETS = {
    "Objects": [
        {
            "SchemaId": "S-1",
            "Full": FULL,
            "Differential": {"PluginId": "P-diff", "Name": "Users Differential", "Description": None},
            "ExtractsLink": "https://t/d2l/api/lp/1.43/datasets/bds/S-1/extracts",
        }
    ],
    "Next": "https://t/next",
}
EXTRACTS: dict[str, Any] = {
    "Objects": [
        {
            "SchemaId": "S-1",
            "PluginId": "P-diff",
            "BdsType": "Differential",
            "CreatedDate": "2026-11-22T04:10:02.123Z",
            "DownloadLink": "https://t/download?sig=hush",
            "DownloadSize": 28709805,
            "QueuedForProcessingDate": "2026-11-22T04:09:22.000Z",
            "Version": "9.4",
        }
    ],
    "Next": None,
}
OLD_ENTRY = {
    "PluginId": "P-full",
    "Name": "Users",
    "Description": "all",
    "FullDataSet": True,
    "CreatedDate": "2021-05-18T19:50:19.476Z",
    "DownloadLink": "https://t/old",
    "DownloadSize": 28709805.0,
    "Version": "6.6",
    "PreviousDataSets": None,
    "QueuedForProcessingDate": "2021-05-18T19:49:22.000Z",
}
NEVER_MADE = dict.fromkeys(("CreatedDate", "DownloadLink", "DownloadSize", "Version", "QueuedForProcessingDate"))
OLD = {"BrightspaceDataSets": [OLD_ENTRY], "NextPageUrl": None, "PrevPageUrl": None}
VERSIONS = {"ProductCode": "lp", "LatestVersion": "1.49", "SupportedVersions": ["1.43", "1.49"]}
DOCUMENTS = [
    (DataSetsPage, DATA_SETS),
    (ExtractsPage, EXTRACTS),
    (OldDataSetsPage, OLD),
    (ProductVersions, VERSIONS),
]
USERS = DataSet("S-1", None, None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def changed(document: dict, **fields: object) -> dict:
    """A page with one entry, in which these fields are changed."""
    listed = "Objects" if "Objects" in document else "BrightspaceDataSets"
    return {**document, listed: [{**document[listed][0], **fields}]}


ENTRIES: dict[Any, Any] = {DataSetsPage: DataSetShape, ExtractsPage: ExtractShape, OldDataSetsPage: OldDataSetShape}


def entries(shape: type, document: object) -> list:
    """The entries of a page, all of which must be readable."""
    found, faults = readable(ENTRIES[shape], parse(shape, document, ROUTE).objects)
    assert faults == {}
    return found


def entry(shape: type, document: object):
    return entries(shape, document)[0]


def extract(**fields: object):
    return entry(ExtractsPage, changed(EXTRACTS, **fields)).extract(USERS)


def old_extracts(**fields: object):
    found, faults = entry(OldDataSetsPage, changed(OLD, **fields)).extracts("Users")
    assert faults == []
    return found


def refusal(shape: type, document: object) -> str:
    said = complaint(shape, document)
    assert said is not None
    return said


def complaint(shape: type, document: object) -> str | None:
    """The error about a document: about the whole page with its route, about an entry without it."""
    try:
        page = parse(shape, document, ROUTE)
    except CatalogueError as error:
        return str(error) if ROUTE in str(error) and error.__cause__ is None else None
    faults = readable(ENTRIES[shape], page.objects)[1] if shape in ENTRIES else {}
    return faults[0] if faults else None


def fields_of(document: Any, place: tuple = ()) -> list[tuple]:
    """The path of each field of a document."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in inner:
        found += [(*place, key)] if isinstance(document, dict) else []
        found += fields_of(value, (*place, key)) if isinstance(value, dict | list) else []
    return found


def at(document: Any, place: tuple):
    for step in place:
        document = document[step]
    return document


KNOWN = {place[-1] for _, document in DOCUMENTS for place in fields_of(document)}


class TestDocumented:
    def test_a_data_set_with_both_plugins(self):
        data_set = entry(DataSetsPage, DATA_SETS).data_set()
        assert parse(DataSetsPage, DATA_SETS, ROUTE).next == "https://t/next"
        assert (data_set.schema_id, data_set.name) == ("S-1", "Users")
        assert (data_set.full.plugin_id, data_set.full.description) == ("P-full", "all")
        assert (data_set.differential.plugin_id, data_set.differential.description) == ("P-diff", "")
        assert data_set.extracts_links == ("https://t/d2l/api/lp/1.43/datasets/bds/S-1/extracts",)

    @pytest.mark.parametrize("absent", ["Full", "Differential"])
    def test_a_data_set_without_one_of_its_plugins(self, absent):
        data_set = entry(DataSetsPage, changed(DATA_SETS, **{absent: None})).data_set()
        assert (data_set.full is None, data_set.differential is None) == (absent == "Full", absent != "Full")
        assert data_set.name == "Users"

    def test_an_extract(self):
        found = extract()
        assert (found.plugin_id, found.bds_type, found.version) == ("P-diff", BdsType.DIFFERENTIAL, "9.4")
        assert found.queued_for_processing_date == datetime(2026, 11, 22, 4, 9, 22, tzinfo=UTC)
        assert found.created_date == datetime(2026, 11, 22, 4, 10, 2, 123000, UTC)
        assert (found.download_link, found.download_size) == ("https://t/download?sig=hush", 28709805)

    @pytest.mark.parametrize("queued", [None, "2026-11-22T04:09:22.000Z"])
    def test_an_entry_that_is_not_generated_yet_is_no_extract(self, queued):
        assert extract(**NEVER_MADE | {"QueuedForProcessingDate": queued}) is None

    @pytest.mark.parametrize("empty", [None, ""])
    def test_a_generated_extract_without_its_link_is_unreadable(self, empty):
        document = changed(EXTRACTS, DownloadLink=empty)
        assert complaint(ExtractsPage, document) == "the extract of 2026-11-22T04:09:22Z has no DownloadLink"

    @pytest.mark.parametrize("field", ["CreatedDate", "QueuedForProcessingDate"])
    def test_an_extract_with_a_link_but_without_a_date_is_unreadable_and_its_link_is_not_shown(self, field):
        moment = "2026-11-22T04:10:02.123Z" if field == "QueuedForProcessingDate" else "2026-11-22T04:09:22Z"
        assert complaint(ExtractsPage, changed(EXTRACTS, **{field: None})) == f"the extract of {moment} has no {field}"

    def test_one_without_any_date_is_named_by_its_link_which_is_not_shown(self):
        document = changed(EXTRACTS, CreatedDate=None, QueuedForProcessingDate=None)
        said = "an extract with a link has no CreatedDate and no QueuedForProcessingDate"
        assert complaint(ExtractsPage, document) == said

    @pytest.mark.parametrize(
        ("shape", "document"),
        [
            (ExtractsPage, {**EXTRACTS, "Objects": ["https://t/x?sig=hush"]}),
            (ExtractsPage, {**EXTRACTS, "Objects": "https://t/x?sig=hush"}),
            (ExtractsPage, changed(EXTRACTS, CreatedDate="https://t/x?sig=hush")),
            (ExtractsPage, changed(EXTRACTS, DownloadLink=["/x?sig=hush"])),
            (DataSetsPage, changed(DATA_SETS, Full={"PluginId": ["https://t/x?sig=hush"]})),
        ],
    )
    def test_a_link_in_whatever_place_is_not_shown(self, shape, document):
        """It may be signed."""
        said = complaint(shape, document)
        assert said is not None
        assert "hush" not in said

    def test_an_entry_of_which_nothing_is_generated_leaves_the_others_of_its_list(self):
        waiting = EXTRACTS["Objects"][0] | NEVER_MADE
        found = entries(ExtractsPage, {**EXTRACTS, "Objects": [waiting, *EXTRACTS["Objects"]]})
        assert [shape.extract(USERS) for shape in found] == [None, extract()]

    def test_a_generated_extract_without_a_version_is_the_same_by_both_families_of_routes(self):
        same = {key: OLD_ENTRY[key] for key in ("PluginId", "CreatedDate", "QueuedForProcessingDate")}
        found = extract(**same, BdsType="Full", Version=None)
        assert found.identity == old_extracts(Version=None)[0].identity

    def test_a_type_that_is_neither_full_nor_differential_is_unreadable(self):
        said = refusal(ExtractsPage, changed(EXTRACTS, BdsType="Archive"))
        assert said == 'BdsType: value error, must be full or differential (it is "Archive")'

    def test_plugins_links_serve_where_the_data_set_has_none(self):
        linked = {**FULL, "ExtractsLink": "https://t/plugin"}
        found = entry(DataSetsPage, changed(DATA_SETS, ExtractsLink=None, Full=linked)).data_set()
        assert found.extracts_links == ("https://t/plugin",)

    def test_an_old_entry(self):
        found = old_extracts()
        assert [(one.plugin_id, one.bds_type, one.schema_id) for one in found] == [("P-full", BdsType.FULL, None)]
        assert found[0].download_size == 28709805

    def test_an_old_entry_brings_its_previous_extracts_along(self):
        older = {**OLD_ENTRY, "QueuedForProcessingDate": "2021-05-11T19:49:22.000Z", "FullDataSet": False}
        found = old_extracts(PreviousDataSets=[older], FullDataSet=False)
        assert [one.queued_for_processing_date.day for one in found] == [18, 11]
        assert {one.bds_type for one in found} == {BdsType.DIFFERENTIAL}

    def test_an_old_entry_of_which_nothing_was_generated_is_a_plugin_without_extracts(self):
        found = entry(OldDataSetsPage, changed(OLD, **NEVER_MADE))
        assert found.extracts("Users") == ([], [])
        assert found.plugin().name == "Users"

    @pytest.mark.parametrize("field", ["CreatedDate", "DownloadLink", "QueuedForProcessingDate"])
    def test_an_old_entry_that_is_half_generated_is_a_fault_and_leaves_its_previous_extracts(self, field):
        half = entry(OldDataSetsPage, changed(OLD, **{field: None}, PreviousDataSets=[OLD_ENTRY]))
        found, faults = half.extracts("Users")
        assert found == old_extracts()
        assert [fault.endswith(f"has no {field}") for fault in faults] == [True]

    def test_previous_extracts_count_even_while_the_current_one_is_not_generated(self):
        assert len(old_extracts(**NEVER_MADE, PreviousDataSets=[OLD_ENTRY])) == 1

    def test_supported_versions(self):
        assert parse(ProductVersions, VERSIONS, ROUTE).supported_versions == ["1.43", "1.49"]

    def test_both_families_of_routes_make_the_same_identity(self):
        same = {key: OLD_ENTRY[key] for key in ("PluginId", "CreatedDate", "QueuedForProcessingDate", "Version")}
        assert extract(**same, BdsType="Full").identity == old_extracts()[0].identity


class TestLenient:
    @pytest.mark.parametrize(("shape", "document"), DOCUMENTS)
    @given(unknown=st.dictionaries(st.text(), json_values))
    def test_unknown_fields_are_ignored_wherever_they_stand(self, shape, document, unknown):
        fuller = copy.deepcopy(document)
        for place in {place[:-1] for place in fields_of(fuller)}:
            known = at(fuller, place)
            known.update({name: value for name, value in unknown.items() if name not in KNOWN})
        if shape in ENTRIES:
            assert entries(shape, fuller) == entries(shape, document)
        else:
            assert parse(shape, fuller, ROUTE) == parse(shape, document, ROUTE)

    @given(moments, st.integers(0, 7))
    def test_dates_have_any_number_of_fraction_digits(self, moment, digits):
        written = f"{moment:%Y-%m-%dT%H:%M:%S}" + ("." + f"{moment.microsecond:06d}0"[:digits] if digits else "")
        kept = moment.replace(microsecond=int(f"{moment.microsecond:06d}"[:digits].ljust(6, "0")))
        assert extract(QueuedForProcessingDate=written + "Z").queued_for_processing_date == kept

    @given(moments, st.sampled_from(["", "Z", "+00:00", "-05:00", "+05:30"]))
    def test_a_date_without_a_zone_is_utc_and_any_other_becomes_utc(self, moment, zone):
        found = extract(CreatedDate=f"{moment:%Y-%m-%dT%H:%M:%S}{zone}").created_date
        offset = {"-05:00": timedelta(hours=5), "+05:30": timedelta(hours=-5.5)}.get(zone, timedelta())
        assert found == moment.replace(microsecond=0) + offset
        assert found.tzinfo is UTC

    @given(st.none() | st.integers(0, 2**53))
    def test_sizes_are_bytes_or_unknown(self, size):
        assert extract(DownloadSize=size).download_size == size

    @given(st.floats())
    def test_a_size_may_be_any_float_and_is_unknown_where_it_makes_no_sense(self, size):
        assert extract(DownloadSize=size).download_size == (int(size) if 0 <= size < 2**62 else None)

    def test_sizes_of_old_entries_may_be_floats_too(self):
        assert old_extracts(DownloadSize=1234.75)[0].download_size == 1234

    @pytest.mark.parametrize(
        ("spelt", "meant"), [("full", "Full"), (" FULL", "Full"), ("differential", "Differential")]
    )
    def test_the_type_may_be_written_in_any_case(self, spelt, meant):
        assert extract(BdsType=spelt).bds_type == meant

    @pytest.mark.parametrize("fraction", ["", ".5", ".1234567"])
    @pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
    def test_a_leap_second_is_the_second_after(self, fraction, zone):
        found = extract(CreatedDate=f"2016-12-31T23:59:60{fraction}{zone}").created_date
        assert found.replace(microsecond=0) == datetime(2017, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize("written", ["2016-12-31T23:60:00Z", "2016-12-31T23:59:61Z", "9999-12-31T23:59:60Z"])
    def test_no_other_sixty_is(self, written):
        assert "CreatedDate" in refusal(ExtractsPage, changed(EXTRACTS, CreatedDate=written))

    def test_a_version_may_be_a_number(self):
        assert extract(Version=9.4).version == "9.4"


class TestPrecise:
    @pytest.mark.parametrize(
        ("shape", "document", "field"),
        [
            *((DataSetsPage, DATA_SETS, ("Objects", 0, *rest)) for rest in [("SchemaId",), ("Full", "PluginId")]),
            *((DataSetsPage, DATA_SETS, ("Objects", 0, *rest)) for rest in [("Differential", "Name")]),
            *((ExtractsPage, EXTRACTS, ("Objects", 0, name)) for name in ["PluginId", "BdsType", "CreatedDate"]),
            *((ExtractsPage, EXTRACTS, ("Objects", 0, name)) for name in ["DownloadLink", "Version"]),
            (ExtractsPage, EXTRACTS, ("Objects", 0, "QueuedForProcessingDate")),
            *((OldDataSetsPage, OLD, ("BrightspaceDataSets", 0, name)) for name in ["PluginId", "Name", "FullDataSet"]),
            *((shape, document, (name,)) for shape, document, name in [(DataSetsPage, DATA_SETS, "Objects")]),
            (ExtractsPage, EXTRACTS, ("Objects",)),
            (OldDataSetsPage, OLD, ("BrightspaceDataSets",)),
            (ProductVersions, VERSIONS, ("ProductCode",)),
            (ProductVersions, VERSIONS, ("SupportedVersions",)),
        ],
    )
    def test_a_missing_field_is_named_with_its_route_and_place(self, shape, document, field):
        torn = copy.deepcopy(document)
        del at(torn, field[:-1])[field[-1]]
        in_entry = field[2:] if shape in ENTRIES and len(field) > 1 else field
        assert ".".join(str(step) for step in in_entry) + ": field required" in refusal(shape, torn)

    @pytest.mark.parametrize("written", ["", "yesterday", "2026-13-01T00:00:00Z", "22/11/2026", True, [], {}])
    def test_a_date_that_is_none_names_route_and_field(self, written):
        said = refusal(ExtractsPage, changed(EXTRACTS, CreatedDate=written))
        assert said.startswith("CreatedDate: ")
        assert said.endswith(f"(it is {json.dumps(written)})"), "the value is named"

    @pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    def test_a_date_that_no_calendar_holds_in_utc_is_refused_too(self, written):
        """The first of them is .NET's smallest date in an eastern time zone."""
        assert "CreatedDate" in refusal(ExtractsPage, changed(EXTRACTS, CreatedDate=written))

    @pytest.mark.parametrize(("shape", "document"), DOCUMENTS)
    @given(junk=json_values)
    def test_whatever_is_answered_instead_no_other_error_comes_out(self, shape, document, junk):
        if not isinstance(junk, dict):
            assert ROUTE in str(refusal(shape, junk))

    @pytest.mark.parametrize(("shape", "document"), DOCUMENTS)
    @given(data=st.data())
    def test_whatever_stands_in_a_field_it_is_taken_or_refused_in_our_words(self, shape, document, data):
        torn = copy.deepcopy(document)
        place = data.draw(st.sampled_from(fields_of(torn)))
        at(torn, place[:-1])[place[-1]] = data.draw(json_values)
        said = complaint(shape, torn)
        assert said is None or 0 < len(said) < 1000

    def test_no_value_is_quoted_since_links_are_secrets(self):
        said = refusal(ExtractsPage, changed(EXTRACTS, DownloadLink=["https://t/download?sig=hush"]))
        assert "hush" not in said

    def test_a_value_is_shown_up_to_a_measure_and_without_control_characters(self):
        said = refusal(ExtractsPage, changed(EXTRACTS, CreatedDate="\x1b[31m" + "x" * 10_000))
        assert "\x1b" not in said
        assert len(said) < 400

    def test_one_malformed_entry_leaves_the_others_readable(self):
        page = parse(ExtractsPage, {"Objects": [{}, *EXTRACTS["Objects"], None]}, ROUTE)
        found, faults = readable(ExtractShape, page.objects)
        assert [shape.extract(USERS) for shape in found] == [extract()]
        assert list(faults) == [0, 2]

    def test_one_malformed_previous_extract_of_an_old_entry_leaves_the_others_readable(self):
        torn = {**OLD_ENTRY, "CreatedDate": "yesterday"}
        found, faults = entry(OldDataSetsPage, changed(OLD, PreviousDataSets=[torn, OLD_ENTRY])).extracts("Users")
        assert len(found) == 2
        assert [fault.partition(":")[0] for fault in faults] == ["CreatedDate"]

    @pytest.mark.parametrize("empty", ["", " ", None])
    def test_an_id_that_is_empty_is_refused(self, empty):
        assert "SchemaId" in refusal(DataSetsPage, changed(DATA_SETS, SchemaId=empty))
        assert "PluginId" in refusal(ExtractsPage, changed(EXTRACTS, PluginId=empty))


class TestText:
    @given(st.text(st.characters(categories=["Cs", "Cc", "L", "Zs"])))
    def test_whatever_a_name_holds_files_terminals_and_databases_can_take_it(self, name):
        """JSON can contain escape sequences, line breaks and half a surrogate pair."""
        document = json.loads(json.dumps(changed(DATA_SETS, Full={**FULL, "Name": name})))
        found = entry(DataSetsPage, document).data_set().name
        found.encode("utf-8")
        assert all(unicodedata.category(sign) != "Cc" for sign in found)

    @given(st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(str.strip))
    def test_other_names_stay_as_they_are(self, name):
        assert entry(DataSetsPage, changed(DATA_SETS, Full={**FULL, "Name": name})).data_set().name == name

    @pytest.mark.parametrize("written", ["Users\\ud800", "\\u001bUsers\\n", "\\u0000Users"])
    def test_what_nothing_can_take_is_left_out(self, written):
        document = json.loads(json.dumps(DATA_SETS).replace("Users", written))
        assert entry(DataSetsPage, document).data_set().name == "Users"
