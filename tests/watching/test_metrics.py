"""The Prometheus textfile."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.report import RunReport
from bds_async.watching.metrics import METRICS, read_former, textfile, without_plan
from tests.watching.a_run import HELD_BACK, a_mirror, a_table

MOMENT = datetime(2026, 11, 22, 4, 9, 22, 500_000, tzinfo=UTC)
SAMPLE = re.compile(r'^[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"\})? -?\d+(\.\d+)?$')


def report(exit_code: int, *delivered: str, lacks: str | None = None) -> RunReport:
    """The report of a run after which these data sets are delivered."""
    newest = dict.fromkeys(delivered, MOMENT)
    return RunReport("sync", "https://school", MOMENT, MOMENT, 1.0, exit_code, [], lacks=lacks, newest_delivered=newest)


def samples(text: str) -> dict[str, str]:
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_a_success_is_remembered_by_the_files_of_later_failures() -> None:
    first = textfile(report(0))
    second = textfile(report(3), first)
    third = textfile(report(5), second)
    name = "bds_async_last_success_timestamp_seconds"
    assert samples(first)[name] == samples(third)[name] == "1795320562.5"
    assert samples(third)["bds_async_last_exit_code"] == "5"


def test_without_any_success_there_is_no_moment_of_one() -> None:
    assert "bds_async_last_success_timestamp_seconds" not in samples(textfile(report(3)))


@given(st.text(max_size=30))
def test_every_line_is_a_comment_or_a_sample_whatever_a_data_set_is_called(name: str) -> None:
    lines = textfile(report(0, name)).split("\n")
    assert lines.pop() == ""
    assert all(line.startswith("# ") or SAMPLE.match(line) for line in lines)


def test_a_run_without_a_plan_changes_its_end_and_exit_code_alone() -> None:
    former = textfile(report(0, "Users", 'Strange "\\" name'))
    after = without_plan(4, MOMENT + timedelta(hours=1), former)
    changed = {"bds_async_last_run_timestamp_seconds": "1795324162.5", "bds_async_last_exit_code": "4"}
    assert samples(after) == samples(former) | changed
    assert [line for line in after.split("\n") if line.startswith("#")] == [
        line for line in former.split("\n") if line.startswith("#")
    ]


def test_where_the_ledger_could_not_be_read_the_former_deliveries_stay() -> None:
    """The label is the data set's name, as in the report."""
    former = textfile(report(0, "User Enrollments"))
    after = textfile(report(75, lacks="the ledger is held"), former)
    name = 'bds_async_newest_delivered_timestamp_seconds{data_set="User Enrollments"}'
    assert samples(after)[name] == samples(former)[name]


@given(st.text(max_size=200) | st.lists(st.sampled_from([*METRICS, " ", "1", "\n", '{a="', '"}', "\\"])).map("".join))
def test_any_former_file_is_taken(former: str) -> None:
    """Anything that is not one of our samples is dropped."""
    textfile(report(3), former)
    lines = without_plan(5, MOMENT, former).split("\n")
    assert all(not line or line.startswith("# ") or SAMPLE.match(line) for line in lines)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have names")
def test_a_pipe_holds_no_former_file(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert read_former(tmp_path / "pipe") == ""


def test_every_metric_has_its_help_and_type() -> None:
    text = textfile(replace(report(0, "Users"), mirror=a_mirror(a_table())))
    assert all(f"# HELP {name} " in text and f"# TYPE {name} gauge" in text for name in METRICS)


def test_a_mirror_has_its_sums_and_the_moment_of_each_table() -> None:
    tables = (a_table(), a_table("tools", deleted=4, drift=4, problems=(HELD_BACK,), complete_through=None))
    found = samples(textfile(replace(report(3), mirror=a_mirror(*tables))))
    assert found["bds_async_last_run_mirror_extracts"] == "2"
    assert found["bds_async_last_run_mirror_skipped"] == "1"
    rows = {
        kind: found[f'bds_async_last_run_mirror_rows{{kind="{kind}"}}'] for kind in ("inserted", "deleted", "drift")
    }
    assert rows == {"inserted": "4", "deleted": "4", "drift": "4"}
    moments = [name for name in found if name.startswith("bds_async_mirror_complete_through")]
    assert moments == ['bds_async_mirror_complete_through_timestamp_seconds{table="users"}']


def test_where_the_mirror_failed_the_former_moments_stay() -> None:
    former = textfile(replace(report(0), mirror=a_mirror(a_table(), a_table("tools"))))
    later = a_table(complete_through=MOMENT + timedelta(days=9))
    after = samples(textfile(replace(report(6), mirror=a_mirror(later, error="The disk is full.")), former))
    name = "bds_async_mirror_complete_through_timestamp_seconds"
    assert after[f'{name}{{table="tools"}}'] == samples(former)[f'{name}{{table="tools"}}']
    assert after[f'{name}{{table="users"}}'] > samples(former)[f'{name}{{table="users"}}']


def test_without_a_mirror_there_are_no_metrics_of_one() -> None:
    former = textfile(replace(report(0), mirror=a_mirror(a_table())))
    assert "mirror" not in textfile(report(0), former)
