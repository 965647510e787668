"""Reading a run report: of this version, of an older or a newer one, and other content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bds_async.report import (
    AttemptTimes,
    Hold,
    HoldKind,
    NoRunReport,
    RunReportDocument,
    Status,
    fields_of,
    read_run_report,
)
from tests.support.builders import an_outcome
from tests.watching.a_run import a_mirror, a_report, a_table

#: The fields of a report and of its extracts in the contract.
FIRST = ("report_version", "command", "tenant", "started", "finished", "exit_code", "totals", "data_sets", "gaps")
LATER_OF_EXTRACT = ("attempt_times", "arrival", "text_columns")


def fields(**changes: Any) -> dict[str, Any]:
    outcome = an_outcome(columns=("A",), attempt_times=(AttemptTimes(1, 2.0, 0.5, 1.0, 1000, "h answered 503."),))
    known: dict[str, Any] = {"mirror": a_mirror(a_table()), "holds": [Hold(HoldKind.OUTAGE, 1.0, 2.0)], "workers": 8}
    return a_report(outcome, an_outcome(Status.FAILED, error="x"), **known).document() | changes


def read(document: object) -> RunReportDocument:
    return read_run_report(json.dumps(document).encode())


def test_what_is_read_is_what_was_written() -> None:
    assert fields_of(read(fields())) == fields()


def test_fields_of_a_later_version_are_ignored() -> None:
    assert read(fields(more={"x": 1})) == read(fields())


def test_a_report_of_the_first_version_has_no_times() -> None:
    """It has exactly the fields of the contract."""
    document = fields()
    extracts = [{key: each[key] for key in each if key not in LATER_OF_EXTRACT} for each in document["extracts"]]
    found = read({**{key: document[key] for key in FIRST}, "extracts": extracts})
    assert [each.attempt_times for each in found.extracts] == [(), ()]
    assert (found.holds, found.workers, found.mirror, found.ended_by) == ((), None, None, None)


def test_bytes_of_file_names_that_are_no_text_are_replaced() -> None:
    text = a_report(an_outcome(Status.FAILED, error="\udcff was there")).to_json()
    assert read_run_report(text.encode()).extracts[0].error == "? was there"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe{", b"[]", b"null", b"[" * 100_000, b'{"report_version": 1, "tenants": []}']
)
def test_another_file_is_no_run_report(content: bytes) -> None:
    with pytest.raises(NoRunReport, match="is no run report: name the report of"):
        read_run_report(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"report_version": "1"},
        {"extracts": 5},
        {"extracts": [5]},
        {"totals": {}},
        {"started": "2026-11-22T05:00:00"},
        {"started": "0001-01-01T00:00:00+10:00"},
        {"holds": [{"kind": "rate_limit", "began": -1, "seconds": 1}]},
        {"holds": [{"kind": "rate_limit", "began": 1e300, "seconds": 1}]},
        {"holds": [{"kind": "rate_limit", "began": float("nan"), "seconds": 1}]},
        {"workers": 10**30},
    ],
    ids=str,
)
def test_values_of_no_use_make_it_none(changes: dict[str, Any]) -> None:
    with pytest.raises(NoRunReport, match="is no run report"):
        read(fields(**changes))


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_version_is_named(version: int) -> None:
    with pytest.raises(NoRunReport, match=rf"has report_version {version}, and .* knows 1: install a newer"):
        read({"report_version": version})
