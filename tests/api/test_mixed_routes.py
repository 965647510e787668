"""A tenant that is read first by the old routes and later by the new ones, with other fractions of a second."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from bds_async import PublishAs, Status, Wanted
from bds_async.sandbox import Fault
from bds_async.sandbox.api import new_routes, old_routes
from tests.support.scheduled import DAY, Scheduled, of, queued, scheduled, through

pytestmark = pytest.mark.usefixtures("quick_retries")
OLD_SCOPE = "datahub:dataexports:read datahub:dataexports:download"


@pytest.fixture(autouse=True)
def fractions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each family of routes prints different fractions."""

    def written(fraction: str) -> object:
        return lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"

    monkeypatch.setattr(old_routes, "written", written(".25"))
    monkeypatch.setattr(new_routes, "written", written(".1234567"))


class MixedRoutes(Scheduled):
    """A folder that is filled from the old routes until the token gets the new scope."""

    def use_old_routes(self) -> None:
        document = json.loads(self.config_file.read_text())
        document["refresh_token"] = self.sandbox.new_refresh_token(scope=OLD_SCOPE)
        self.config_file.write_text(json.dumps(document))

    def use_new_routes(self) -> None:
        self.sandbox.write_config(self.config_file)


def mixed(job: Scheduled, home: Path) -> MixedRoutes:
    found = MixedRoutes(job.sandbox, home)
    found.use_old_routes()
    return found


def fractions_of(moments: list[datetime]) -> set[int]:
    return {moment.microsecond for moment in moments}


async def test_a_pull_fetches_nothing_twice(tmp_path: Path) -> None:
    async with scheduled(tmp_path) as plain:
        job = mixed(plain, tmp_path)
        old = await job.pull(wanted=Wanted.ALL)
        job.use_new_routes()
        new = await job.pull(wanted=Wanted.ALL)
        csv = await job.pull(wanted=Wanted.ALL, publish_as=PublishAs.CSV)
    assert old.count(Status.DOWNLOADED) == new.count(Status.SKIPPED) == len(new.outcomes) > 0
    assert csv.count(Status.SKIPPED) == len(csv.outcomes)
    assert fractions_of(queued(old.outcomes)) == {250_000}
    assert fractions_of(queued(new.outcomes)) == {123_456}


async def test_a_sync_delivers_what_is_new_alone(tmp_path: Path) -> None:
    async with scheduled(tmp_path) as plain:
        job = mixed(plain, tmp_path)
        old = await job.sync()
        job.use_new_routes()
        again = await job.sync(with_fulls=True)
        later = await job.sync(DAY)
        job.use_old_routes()
        back = await job.sync()
    assert old.count(Status.DOWNLOADED) > 6
    assert again.outcomes == [] == back.outcomes
    assert len(of(later)) == 1
    assert {report.exit_code for report in (old, again, later, back)} == {0}
    assert [report.gaps for report in (again, later, back)] == [[], [], []]
    assert through(again) == through(old)
    assert through(back) == through(later) == queued(of(later))[0]


async def test_what_failed_by_the_old_routes_is_delivered_by_the_new_ones(tmp_path: Path) -> None:
    """It stays owed under its other fraction: there is no gap, and completeness does not pass it."""
    async with scheduled(tmp_path) as plain:
        job = mixed(plain, tmp_path)
        job.sandbox.play(Fault.of("status", status=404, on="download", bds_type="Differential"))
        old = await job.sync()
        job.sandbox.play()
        job.use_new_routes()
        new = await job.sync()
    assert old.exit_code == 3
    assert len(of(new)) == len(of(old, status=Status.FAILED)) > 0
    assert new.gaps == []
