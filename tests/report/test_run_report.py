"""The run report: exactly the fields that its readers rely on."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.columns import ChangeKind, SchemaChange
from bds_async.report import (
    Arrival,
    Completeness,
    Counters,
    ExtractEntry,
    FailedList,
    Gap,
    Outcome,
    RunReport,
    Status,
    fields_of,
)
from tests.support.builders import CREATED, QUEUED, an_extract, an_outcome

STARTED = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
TENANT = "https://school.example"
LOST = FailedList("Tools", "schema-9", "t answered 500.")

statuses = st.sampled_from(Status)


def a_report(*outcomes: Outcome, **changes) -> RunReport:
    usual: dict[str, Any] = {
        "command": "pull",
        "tenant": TENANT,
        "started": STARTED,
        "finished": STARTED + timedelta(seconds=1.5),
        "seconds": 1.5,
        "exit_code": 0,
        "outcomes": outcomes,
    }
    return RunReport(**{**usual, **changes})


class TestDocument:
    def test_it_has_exactly_the_documented_fields(self):
        assert set(a_report().document()) == {
            *("report_version", "command", "tenant", "started", "finished", "exit_code"),
            *("totals", "extracts", "data_sets", "gaps", "failed_lists", "lacks", "mirror"),
            *("program_version", "workers", "limit_rate", "ended_by", "holds"),
        }

    def test_its_head_says_which_run_it_was(self):
        document = a_report(exit_code=3).document()
        head = {key: document[key] for key in ("report_version", "command", "tenant", "started", "finished")}
        assert head == {
            "report_version": 1,
            "command": "pull",
            "tenant": TENANT,
            "started": "2026-11-22T05:00:00.000Z",
            "finished": "2026-11-22T05:00:01.500Z",
        }
        assert document["exit_code"] == 3

    def test_totals(self):
        report = a_report(
            an_outcome(bytes=1000),
            an_outcome(bytes=234),
            an_outcome(Status.SKIPPED, bytes=5000),
            an_outcome(Status.FAILED),
            an_outcome(Status.PENDING),
            counters=Counters(retries=7, token_refreshes=2, rate_limit_waits=1),
        )
        assert report.document()["totals"] == {
            "planned": 5,
            "downloaded": 2,
            "skipped": 1,
            "failed": 1,
            "bytes": 1234,
            "seconds": 1.5,
            "retries": 7,
            "token_refreshes": 2,
            "rate_limit_waits": 1,
        }

    def test_a_downloaded_extract(self):
        outcome = an_outcome(columns=("OrgUnitId", "UserId"), attempts=2, resumed_bytes=17, seconds=1.23456)
        assert a_report(outcome).document()["extracts"] == [
            {
                "data_set": "User Enrollments",
                "schema_id": "schema-1",
                "plugin_id": "plugin-full",
                "bds_type": "Full",
                "queued_for_processing_date": "2026-11-22T04:09:22.000Z",
                "created_date": "2026-11-22T04:10:02.123Z",
                "version": "9.4",
                "status": "downloaded",
                "path": "UserEnrollments/full/x.zip",
                "bytes": 1000,
                "sha256": "ab",
                "attempts": 2,
                "resumed_bytes": 17,
                "seconds": 1.235,
                "error": None,
                "columns": ["OrgUnitId", "UserId"],
                "schema_change": None,
                "text_columns": None,
                "arrival": None,
                "worker": None,
                "attempt_times": [],
            }
        ]

    def test_what_is_not_known_is_null(self):
        extract = an_extract(schema_id=None)
        entry = a_report(an_outcome(Status.PENDING, extract=extract)).document()["extracts"][0]
        unknown = {key for key, value in entry.items() if value is None}
        assert unknown == {
            "schema_id",
            "path",
            "bytes",
            "sha256",
            "error",
            "columns",
            "schema_change",
            "text_columns",
            "arrival",
            "worker",
        }
        assert (entry["status"], entry["attempts"], entry["resumed_bytes"], entry["seconds"]) == ("pending", 0, 0, 0.0)

    def test_a_file_without_a_header_has_an_empty_list_of_columns_not_null(self):
        assert a_report(an_outcome(columns=())).document()["extracts"][0]["columns"] == []

    def test_a_failed_extract_says_why(self):
        entry = a_report(an_outcome(Status.FAILED, error="t answered 404.")).document()["extracts"][0]
        assert (entry["status"], entry["error"], entry["path"]) == ("failed", "t answered 404.", None)

    def test_a_list_that_could_not_be_had(self):
        assert a_report(failed_lists=[LOST]).document()["failed_lists"] == [
            {"data_set": "Tools", "schema_id": "schema-9", "error": "t answered 500."}
        ]

    def test_a_change_of_columns_and_how_it_came(self):
        change = SchemaChange(ChangeKind.BREAKING, added=("New",), removed=("Old", "Older"))
        entry = a_report(an_outcome(schema_change=change, arrival=Arrival.LATE)).document()["extracts"][0]
        assert entry["schema_change"] == {"kind": "breaking", "added": ["New"], "removed": ["Old", "Older"]}
        assert entry["arrival"] == "late"

    def test_how_complete_each_data_set_is(self):
        found = [Completeness("Users", "schema-1", STARTED), Completeness("Tools", None, None)]
        assert a_report(data_sets=found).document()["data_sets"] == [
            {"data_set": "Users", "schema_id": "schema-1", "complete_through": "2026-11-22T05:00:00.000Z"},
            {"data_set": "Tools", "schema_id": None, "complete_through": None},
        ]

    def test_gaps_open_and_closed(self):
        later = STARTED + timedelta(days=1)
        found = [Gap("Users", "schema-1", STARTED, later, "Users/full/x.zip"), Gap("Tools", None, STARTED, None)]
        assert a_report(gaps=found).document()["gaps"] == [
            {
                "data_set": "Users",
                "schema_id": "schema-1",
                "after": "2026-11-22T05:00:00.000Z",
                "before": "2026-11-23T05:00:00.000Z",
                "closed_by": "Users/full/x.zip",
            },
            {
                "data_set": "Tools",
                "schema_id": None,
                "after": "2026-11-22T05:00:00.000Z",
                "before": None,
                "closed_by": None,
            },
        ]

    def test_extracts_stand_in_the_order_of_the_plan(self):
        outcomes = [an_outcome(extract=an_extract(plugin_id=str(number))) for number in range(9)]
        assert [entry["plugin_id"] for entry in a_report(*outcomes).document()["extracts"]] == list("012345678")

    def test_no_link_is_in_it_since_it_may_be_signed(self):
        assert "hush" not in a_report(an_outcome()).to_json()

    @given(st.lists(statuses))
    def test_planned_is_all_of_them_with_the_pending(self, some):
        totals = a_report(*(an_outcome(status) for status in some)).document()["totals"]
        pending = some.count(Status.PENDING)
        assert totals["planned"] == totals["downloaded"] + totals["skipped"] + totals["failed"] + pending == len(some)

    def test_the_duration_is_not_the_difference_of_the_moments(self):
        """Moments are from the wall clock, which may be set during a run."""
        report = a_report(finished=STARTED, seconds=90.00049)
        assert report.document()["totals"]["seconds"] == 90.0


class TestText:
    def test_it_is_utf_8_json_and_readable(self):
        outcome = an_outcome(extract=an_extract(data_set="Évaluations 成绩"))
        text = a_report(outcome).to_json()
        assert "Évaluations 成绩" in text
        assert text.endswith("\n")
        assert json.loads(text) == a_report(outcome).document()

    @given(st.text(st.characters(categories=["Cs", "Cc", "L", "P"])))
    def test_whatever_an_error_quotes_it_can_be_written(self, error):
        """On Linux a folder's name may be invalid UTF-8, and an error may contain it."""
        written = a_report(an_outcome(Status.FAILED, error=error)).to_json().encode("utf-8")
        assert json.loads(written)["extracts"][0]["error"] == error


@pytest.mark.parametrize("status", Status)
def test_published_bytes_are_those_of_this_run(status):
    outcome = an_outcome(status, bytes=1000)
    assert a_report(outcome).published_bytes == (1000 if status is Status.DOWNLOADED else 0)


def test_an_entry_names_an_extract_as_listings_do_and_has_no_link():
    extract = an_extract()
    fields = fields_of(ExtractEntry.of(extract, extract.data_set, extract.schema_id))
    assert "hush" not in json.dumps(fields)
    assert (fields["bds_type"], fields["version"]) == ("Full", "9.4")
    assert datetime.fromisoformat(fields["queued_for_processing_date"]) == QUEUED
    assert datetime.fromisoformat(fields["created_date"]) == CREATED
