"""A folder that both jobs fill: what a pull saw, delivered and left out counts for the next sync."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bds_async import RunReport
from bds_async.brightspace.catalogue.listing import Listing
from bds_async.options import Wanted
from bds_async.runs.listing import list_chosen
from bds_async.sandbox import Fault
from tests.support.scheduled import DAY, of, queued, scheduled, through

pytestmark = pytest.mark.usefixtures("quick_retries")


async def test_what_a_pull_passes_over_does_not_hide_behind_what_it_brings(tmp_path):
    """Completeness stops before the skipped extract until a sync has delivered it."""
    async with scheduled(tmp_path) as job:
        first = await job.sync()
        job.sandbox.advance(3 * DAY)
        *passed_over, newest = [extract.queued for extract in job.truth().differentials[-3:]]
        pulled = await job.pull(wanted=Wanted.DIFFERENTIAL, since=newest)
        then = await job.sync()
    assert queued(of(pulled)) == [newest]
    assert through(pulled) == through(first)
    assert queued(of(then)) == passed_over
    assert through(then) == newest


async def test_what_fails_in_a_pull_is_owed_by_the_next_sync(tmp_path):
    async with scheduled(tmp_path) as job:
        first = await job.sync()
        job.sandbox.advance(2 * DAY)
        job.sandbox.play(Fault.of("status", status=404, on="download", data_set="Users", bds_type="Differential"))
        pulled = await job.pull(wanted=Wanted.DIFFERENTIAL, since=job.truth().differentials[-2].queued)
        job.sandbox.play()
        then = await job.sync()
    assert (pulled.exit_code, through(pulled)) == (3, through(first))
    assert len(of(then)) == 2
    assert through(then) == queued(of(then))[-1]


async def test_what_daily_pulls_delivered_is_no_gap(tmp_path):
    """Even if the last sync is longer ago than anything stays listed."""
    kept = {"differential_retention_days": 3.0, "full_days": 2.0, "full_retention_days": 4.0}
    async with scheduled(tmp_path, data_sets=1, **kept) as job:
        await job.sync()
        for _ in range(5):
            await job.pull(DAY, wanted=Wanted.ALL)
        report = await job.sync(DAY)
    assert (report.exit_code, report.gaps) == (0, [])
    assert len(of(report)) == 1


async def test_a_data_set_that_leaves_the_catalogue_is_told_while_something_of_it_is_owed(tmp_path, monkeypatch):
    async def without_users(*arguments) -> Listing:
        listing = await list_chosen(*arguments)
        listing.extracts = {each: some for each, some in listing.extracts.items() if each.name != "Users"}
        return replace(listing, offered=tuple(each for each in listing.offered if each.name != "Users"))

    def failed(report: RunReport) -> list[str]:
        return [each.data_set for each in report.failed_lists]

    async with scheduled(tmp_path) as job:
        await job.sync()
        job.sandbox.play(Fault.of("status", status=404, on="download", data_set="Users", bds_type="Differential"))
        await job.sync(DAY)
        job.sandbox.play()
        with monkeypatch.context() as patch:
            patch.setattr("bds_async.runs.run.list_chosen", without_users)
            gone = await job.sync()
            chosen = await job.sync(data_set=("User Enrollments",))
        back = await job.sync()
        with monkeypatch.context() as patch:
            patch.setattr("bds_async.runs.run.list_chosen", without_users)
            delivered = await job.sync()
    assert (gone.exit_code, failed(gone)) == (3, ["Users"])
    assert (chosen.exit_code, failed(chosen)) == (0, [])
    assert (back.exit_code, len(of(back))) == (0, 1)
    assert (delivered.exit_code, failed(delivered)) == (3, ["Users"]), "it had deliveries"
