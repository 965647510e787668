"""Extracts whose dates are in the future, over real sockets: delivered, but nothing else depends on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bds_async import Arrival, BdsType, RunReport
from bds_async.sandbox.api import new_routes, paging
from tests.support.scheduled import DAY, Scheduled, of, scheduled, through

pytestmark = pytest.mark.usefixtures("quick_retries")
FOREVER = "9999-12-31T23:59:59.9999999Z"
Written = Callable[[datetime], str]


class Misdated:
    """Makes the tenant print a different queued date for one moment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.right: Written = paging.written
        self.wrong: dict[datetime, str] = {}
        monkeypatch.setattr(new_routes, "written", lambda moment: self.wrong.get(moment) or self.right(moment))


@pytest.fixture
def misdated(monkeypatch: pytest.MonkeyPatch) -> Misdated:
    return Misdated(monkeypatch)


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def kinds(report: RunReport) -> list[BdsType]:
    return [each.extract.bds_type for each in of(report)]


def newest_full(job: Scheduled) -> datetime:
    full = job.truth().newest_full
    assert full is not None
    return full.queued


@pytest.mark.parametrize("date", [FOREVER, tomorrow()], ids=["9999", "tomorrow"])
async def test_a_full_from_the_future_is_no_baseline(tmp_path: Path, misdated: Misdated, date: str) -> None:
    """It is delivered once; each differential follows; when its date is corrected, the full is delivered again."""
    async with scheduled(tmp_path, full_retention_days=6.5) as job:
        full = newest_full(job)
        misdated.wrong[full] = date
        first = await job.sync()
        second = await job.sync(DAY)
        again = await job.sync()
        misdated.wrong.clear()
        third = await job.sync(DAY)
        fourth = await job.sync(DAY)
    assert kinds(first).count(BdsType.FULL) == 1
    assert BdsType.DIFFERENTIAL in kinds(first)
    assert kinds(second) == [BdsType.DIFFERENTIAL]
    assert again.outcomes == []
    assert sorted(kinds(third)) == [BdsType.DIFFERENTIAL, BdsType.FULL]
    base = next(each for each in of(third) if each.extract.bds_type is BdsType.FULL)
    assert (base.arrival, base.extract.queued_for_processing_date) == (Arrival.BASELINE, full)
    assert kinds(fourth) == [BdsType.DIFFERENTIAL]
    assert {report.exit_code for report in (first, second, third, fourth)} == {0}
    for report in (first, second, third, fourth):
        moment = through(report)
        assert moment is None or moment <= datetime.now(UTC)
    assert through(fourth) == of(fourth)[0].extract.queued_for_processing_date


async def test_a_pull_of_it_does_not_keep_a_sync_from_beginning(tmp_path: Path, misdated: Misdated) -> None:
    async with scheduled(tmp_path) as job:
        full = newest_full(job)
        misdated.wrong[full] = FOREVER
        pulled = await job.pull()
        misdated.wrong.clear()
        report = await job.sync()
    assert through(pulled) is None
    assert of(report)[0].extract.queued_for_processing_date == full
    assert through(report) == of(report)[-1].extract.queued_for_processing_date


async def test_a_differential_from_the_future_counts_for_nothing(tmp_path: Path, misdated: Misdated) -> None:
    """It is delivered once, and opens no gap when its date is corrected."""
    async with scheduled(tmp_path) as job:
        await job.sync()
        job.sandbox.advance(DAY)
        newest = job.truth().differentials[-1].queued
        misdated.wrong[newest] = FOREVER
        wrong = await job.sync()
        again = await job.sync()
        misdated.wrong.clear()
        right = await job.sync()
        later = await job.sync(DAY)
    assert (len(of(wrong)), len(of(again)), len(of(right)), len(of(later))) == (1, 0, 1, 1)
    assert through(wrong) is not None
    assert through(wrong) < newest  # type: ignore[operator]
    assert through(right) == newest
    assert [report.gaps for report in (wrong, right, later)] == [[], [], []]
