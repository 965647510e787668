"""A tenant that suddenly lists fewer data sets than were delivered, over real sockets: that is not a success."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bds_async import RunReport, SyncOptions, preview_sync, pull
from bds_async.errors import PatternError
from bds_async.events import Event, Warned
from bds_async.sandbox import Fault
from tests.support.commands import bds
from tests.support.scheduled import DAY, Scheduled, of, scheduled

pytestmark = pytest.mark.usefixtures("quick_retries")


@contextmanager
def without(job: Scheduled, *names: str) -> Iterator[None]:
    """Let the tenant list only data sets with other names; without `names`, none."""
    catalogue = job.sandbox._tenant.catalogue
    listed = catalogue.data_sets
    catalogue.data_sets = [each for each in listed if names and each.name not in names]
    try:
        yield
    finally:
        catalogue.data_sets = listed


def named(report: RunReport) -> set[str]:
    return {failed.data_set for failed in report.failed_lists}


async def accepts(job: Scheduled, name: str) -> str:
    done = await bds("ledger", "accept", "--to", job.to, "--data-set", name)
    assert done.code == 0
    return done.err


async def test_a_tenant_that_lists_nothing_leaves_with_3_at_each_sync_until_it_lists_again(tmp_path: Path) -> None:
    async with scheduled(tmp_path) as job:
        first = await job.sync()
        with without(job):
            empty, again = await job.sync(), await job.sync(DAY)
            preview = await preview_sync(job.config, job.to)
        after = await job.sync()
    assert first.exit_code == after.exit_code == 0
    everything = {outcome.extract.data_set for outcome in first.outcomes}
    assert named(empty) == named(again) == {each.data_set for each in preview.failed_lists} == everything
    assert empty.exit_code == again.exit_code == 3
    assert "ledger accept" in empty.failed_lists[0].error
    assert len(of(after)) == 1
    assert after.failed_lists == ()


async def test_one_absent_data_set_is_named_until_its_absence_is_accepted(tmp_path: Path) -> None:
    """After it was listed again, the next absence is named again; meanwhile other data sets are synced."""
    async with scheduled(tmp_path) as job:
        await job.sync()
        with without(job, "Users"):
            absent = await job.sync(DAY)
            assert "1 data set accepted" in await accepts(job, "Users")
            accepted = await job.sync()
            assert "1 data set" not in await accepts(job, "Users")
        listed = await job.sync()
        with without(job, "Users"):
            later = await job.sync()
    assert (absent.exit_code, named(absent)) == (3, {"Users"})
    assert len(absent.outcomes) > 0
    assert (accepted.exit_code, named(accepted)) == (0, set())
    assert (listed.exit_code, len(of(listed))) == (0, 1)
    assert (later.exit_code, named(later)) == (3, {"Users"})


async def test_only_chosen_data_sets_are_compared(tmp_path: Path) -> None:
    """A pattern that matches only an absent data set is no error; one that matches nothing known is."""
    async with scheduled(tmp_path) as job:
        first = await job.sync()
        other = next(each.extract.data_set for each in first.outcomes if each.extract.data_set != "Users")
        with without(job, "Users"):
            alone = await job.sync(data_set=("users",))
            others = await job.sync(data_set=(other,))
            excluded = await job.sync(exclude=("Users",))
            plan = await preview_sync(job.config, job.to, SyncOptions(data_set=("Users",)))
            with pytest.raises(PatternError, match="Nobody"):
                await job.sync(data_set=("Users", "Nobody"))
            with pytest.raises(PatternError, match="Users"):
                await job.pull(data_set=("Users",))
    assert (alone.exit_code, named(alone), alone.outcomes) == (3, {"Users"}, [])
    assert {each.data_set for each in plan.failed_lists} == {"Users"}
    assert (others.exit_code, excluded.exit_code) == (0, 0)


async def test_a_pull_warns(tmp_path: Path) -> None:
    told: list[Event] = []
    async with scheduled(tmp_path) as job:
        await job.sync()
        with without(job, "Users"):
            await job.sync(observer=told.append)
            report = await pull(job.config, job.to, observer=told.append)
    assert report.exit_code == 0
    assert any("Users" in event.message for event in told if isinstance(event, Warned))


async def test_a_list_that_failed_and_a_data_set_without_deliveries_are_not_absent(tmp_path: Path) -> None:
    async with scheduled(tmp_path) as job:
        await job.sync(data_set=("Users",))
        job.sandbox.play(Fault.of("status", status=404, on="extracts", data_set="Users"))
        failed = await job.sync()
        job.sandbox.play()
        with without(job, "Users"):
            await job.sync()
        with without(job):
            nothing = await job.sync(exclude=("Users",))
    assert [each.error for each in failed.failed_lists if "any more" in each.error] == []
    assert "Users" not in named(nothing)
