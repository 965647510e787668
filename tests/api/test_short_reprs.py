"""The repr of a result in a notebook: one short line for any size."""

from __future__ import annotations

from bds_async import Fault, RunPlan, Verification
from bds_async.brightspace import Listing
from bds_async.models import DataSet
from bds_async.planning import SyncPlan
from bds_async.report import Status
from bds_async.runs.discrepancies import Discrepancy
from tests.support.builders import a_data_set, a_step, an_extract, an_outcome
from tests.watching.a_run import a_report, outcomes_of


def test_a_report_is_its_counts_and_its_exit_code() -> None:
    report = a_report(an_outcome(), *outcomes_of(1000, error="x"), exit_code=3)
    assert repr(report) == "<RunReport pull: 1 downloaded, 1000 failed; exit code 3>"
    assert repr(a_report()) == "<RunReport pull: no extracts; exit code 0>"
    assert report.count(Status.FAILED) == 1000


def test_a_plan_is_what_it_fetches() -> None:
    step = a_step(an_extract())
    assert repr(RunPlan((step, step), (), None)) == "<RunPlan: 2 to fetch, 0 already there>"
    assert repr(SyncPlan((), (), None, (), {})) == "<SyncPlan: 0 to fetch, 0 already there>"


def test_a_listing_and_a_verification_are_their_counts() -> None:
    known: DataSet = a_data_set()
    assert repr(Listing({known: (an_extract(),)})) == "<Listing: 1 data sets, 1 extracts, 0 failed lists>"
    bad = Discrepancy("x.zip", Fault.CORRUPT, "no zip")
    assert repr(Verification(5, (bad,))) == "<Verification: 5 files, 1 discrepancy; exit code 3>"
