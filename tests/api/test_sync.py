"""The scheduled job against the sandbox tenant while time passes: over real sockets, each extract once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bds_async import (
    Arrival,
    ChangeKind,
    Gap,
    PublishAs,
    RunReport,
    Status,
    Stop,
    Stopped,
    SyncOptions,
    WrongTenant,
    preview_sync,
    sync,
)
from bds_async.events import Ended, Event, Finished, Warned
from bds_async.sandbox import Fault, LateExtract, Reissue, SchemaChange
from tests.support.places import ledger_path
from tests.support.scheduled import DAY, NOW, after, of, queued, scheduled, take_away, through

pytestmark = pytest.mark.usefixtures("quick_retries")


class TestCourse:
    async def test_it_begins_with_the_newest_full_and_the_differentials_after_it(self, tmp_path):
        async with scheduled(tmp_path) as job:
            report = await job.sync()
            truth = job.truth()
            assert truth.newest_full is not None
            expected = [truth.newest_full.queued, *after(truth.differentials, truth.newest_full.queued)]
        assert report.exit_code == 0
        assert queued(of(report)) == expected
        assert [each.arrival for each in of(report)] == [Arrival.BASELINE, *[Arrival.NEW] * (len(expected) - 1)]
        assert through(report) == expected[-1]
        assert report.gaps == []

    async def test_then_it_delivers_each_new_differential_once_whatever_a_loader_takes_away(self, tmp_path):
        async with scheduled(tmp_path) as job:
            await job.sync()
            first = take_away(job.to)
            again = await job.sync()
            later = await job.sync(2 * DAY)
            second = take_away(job.to)
            newest = job.truth().differentials[-2:]
            hashes = [extract.sha256 for extract in newest]
        assert again.outcomes == []
        assert queued(of(later)) == [extract.queued for extract in newest]
        assert len(later.outcomes) == 2 * 2
        assert not first.keys() & second.keys()
        assert set(hashes) <= set(second.values())

    async def test_files_that_a_lost_ledger_knew_are_told_of_before_they_come_again(self, tmp_path):
        told: list[Event] = []
        async with scheduled(tmp_path) as job:
            await job.sync(observer=told.append)
            count = len(list(job.to.glob("[!.]*/*/*.zip")))
            (job.to / "Users" / "notes.txt").write_text("no published file")
            ledger_path(job.to).unlink()
            preview = await preview_sync(job.config, job.to)
            again = await job.sync(observer=told.append)
            await job.sync(DAY, observer=told.append)
        warnings = [event.message for event in told if isinstance(event, Warned)]
        assert warnings == [preview.warning]
        assert f"{count} published files" in preview.warning
        assert "ledger rebuild" in preview.warning
        assert again.count(Status.DOWNLOADED) == count

    async def test_with_fulls_delivers_each_new_full_in_its_turn(self, tmp_path):
        async with scheduled(tmp_path, without_differential=("User Enrollments",)) as job:
            await job.sync(with_fulls=True)
            report = await job.sync(5 * DAY, with_fulls=True)
            full = job.truth().newest_full
        assert full is not None
        assert full.queued in queued(of(report))
        assert queued(of(report)) == sorted(queued(of(report)))
        assert len(of(report, "User Enrollments")) == 1

    async def test_a_data_set_without_differentials_has_its_first_full_alone(self, tmp_path):
        async with scheduled(tmp_path, without_differential=("Users",)) as job:
            first = await job.sync()
            later = await job.sync(30 * DAY)
        assert len(of(first)) == 1
        assert of(later) == []
        assert "Users" not in {gap.data_set for gap in later.gaps}

    async def test_a_data_set_without_fulls_has_every_listed_differential(self, tmp_path):
        async with scheduled(tmp_path, without_full=("Users",)) as job:
            report = await job.sync()
            listed = job.truth().differentials
        assert queued(of(report)) == [extract.queued for extract in listed]
        assert through(report) == listed[-1].queued

    async def test_what_pull_brought_counts_as_delivered(self, tmp_path):
        async with scheduled(tmp_path) as job:
            await job.pull()
            report = await job.sync()
        assert {each.extract.bds_type.folder for each in report.outcomes} == {"differential"}

    async def test_what_it_brought_counts_for_pull(self, tmp_path):
        async with scheduled(tmp_path) as job:
            await job.sync()
            report = await job.pull()
        assert {each.status for each in report.outcomes} == {Status.SKIPPED}

    async def test_only_the_chosen_data_sets_are_synced(self, tmp_path):
        async with scheduled(tmp_path, data_sets=3) as job:
            report = await job.sync(data_set=("Users", "user e*"), exclude=("User Enrollments",))
        assert {each.extract.data_set for each in report.outcomes} == {"Users"}
        assert [each.data_set for each in report.data_sets] == ["Users"]

    async def test_the_old_routes_serve_alike(self, tmp_path):
        async with scheduled(tmp_path, scopes=frozenset({"datahub:dataexports:*"})) as job:
            first = await job.sync()
            second = await job.sync(DAY)
        assert len(of(first)) > 1
        assert [each.arrival for each in of(second)] == [Arrival.NEW]
        assert {each.extract.schema_id for each in first.outcomes} == {None}

    async def test_a_folder_belongs_to_one_tenant(self, tmp_path):
        async with scheduled(tmp_path) as job:
            await job.sync(data_set=("Users",))
        async with scheduled(tmp_path) as other:
            with pytest.raises(WrongTenant) as refused:
                await other.sync()
        assert refused.value.exit_code == 2

    async def test_a_preview_changes_nothing(self, tmp_path):
        async with scheduled(tmp_path) as job:
            plan = await preview_sync(job.config, job.to, SyncOptions(data_set=("Users",)))
            assert not job.to.exists()
            report = await job.sync(data_set=("Users",))
            rest = await preview_sync(job.config, job.to, SyncOptions(data_set=("Users",)))
        assert [(step.extract.identity, step.path, step.arrival) for step in plan.steps] == [
            (each.extract.identity, each.path, each.arrival) for each in report.outcomes
        ]
        assert rest.steps == ()


class TestCompleteness:
    async def test_what_failed_is_stepped_over_and_delivered_by_a_later_run(self, tmp_path):
        async with scheduled(tmp_path) as job:
            await job.sync()
            once = {"first": 1, "counted": "together"}
            job.sandbox.play(Fault.of("status", status=404, on="download", data_set="Users", **once))
            second = await job.sync(3 * DAY)
            job.sandbox.play()
            third = await job.sync(DAY)
            newest = job.truth().differentials[-4:]
        failed, delivered = of(second, status=Status.FAILED), of(second, status=Status.DOWNLOADED)
        assert second.exit_code == 3
        assert (len(failed), len(delivered)) == (1, 2)
        assert through(second) == max(
            [each.queued for each in job.truth().differentials if each.queued < queued(failed)[0]]
        )
        assert queued(of(third)) == sorted([*queued(failed), newest[-1].queued])
        late = {each.extract.identity: each.arrival for each in of(third)}[failed[0].extract.identity]
        assert late is (Arrival.NEW if queued(failed)[0] > max(queued(delivered)) else Arrival.LATE)
        assert through(third) == newest[-1].queued

    async def test_a_list_that_would_not_come_changes_nothing_of_its_data_set(self, tmp_path):
        async with scheduled(tmp_path) as job:
            first = await job.sync()
            job.sandbox.play(Fault.of("status", status=404, on="extracts", data_set="Users"))
            second = await job.sync(DAY)
            job.sandbox.play()
            third = await job.sync(DAY)
        assert second.exit_code == 3
        assert [failed.data_set for failed in second.failed_lists] == ["Users"]
        assert len(of(third)) == 2
        assert through(first) == queued(of(first))[-1]

    async def test_a_stopped_run_owes_what_it_had_planned(self, tmp_path):
        reports: list[RunReport] = []
        stop = Stop()

        def stop_soon(event: Event) -> None:
            if isinstance(event, Finished):
                reports.append(event.report)
            elif isinstance(event, Ended):
                stop.request(Stopped("enough", 143))

        async with scheduled(tmp_path, latency=0.05) as job:
            with pytest.raises(Stopped):
                await sync(job.config, job.to, SyncOptions(workers=1), observer=stop_soon, stop=stop)
            second = await job.sync()
        done = {each.extract.identity for each in reports[0].outcomes if each.status is Status.DOWNLOADED}
        owed = {each.extract.identity for each in reports[0].outcomes if each.status is Status.PENDING}
        assert done
        assert {each.extract.identity for each in second.outcomes} == owed
        assert not done & owed

    async def test_late_and_reissued_extracts_are_delivered_and_said_to_be(self, tmp_path):
        when = NOW - DAY
        async with scheduled(
            tmp_path,
            late_extracts=(LateExtract(when, 2 * DAY, "Users"),),
            reissues=(Reissue(when, 2 * DAY, "User Enrollments"),),
        ) as job:
            first = await job.sync()
            report = await job.sync(DAY)
        assert [each.arrival for each in of(report)] == [Arrival.LATE, Arrival.NEW]
        assert [each.arrival for each in of(report, "User Enrollments")] == [Arrival.REISSUED, Arrival.NEW]
        reissued = of(report, "User Enrollments")[0]
        assert reissued.path is not None
        assert "_c2026" in reissued.path
        assert queued([reissued])[0] in queued(of(first, "User Enrollments"))
        assert report.exit_code == 0


class TestGaps:
    async def test_an_outage_that_was_not_too_long_leaves_none(self, tmp_path):
        async with scheduled(tmp_path) as job:
            await job.sync()
            report = await job.sync(13 * DAY)
        assert (report.exit_code, report.gaps) == (0, [])
        assert len(of(report)) == 13

    async def test_after_a_longer_one_the_newest_full_is_the_new_baseline(self, tmp_path):
        async with scheduled(tmp_path) as job:
            first = await job.sync()
            report = await job.sync(21 * DAY)
            full = job.truth().newest_full
            assert full is not None
            followers = after(job.truth().differentials, full.queued)
        assert report.exit_code == 0
        assert queued(of(report)) == [full.queued, *followers]
        path = of(report)[0].path
        assert [gap for gap in report.gaps if gap.data_set == "Users"] == [
            Gap("Users", job.truth().schema_id, through(first), full.queued, path)
        ]
        assert {gap.closed_by is None for gap in report.gaps} == {False}
        assert through(report) == followers[-1]

    async def test_where_no_full_is_new_enough_it_stays_open_until_one_is(self, tmp_path):
        async with scheduled(tmp_path, differential_retention_days=3.0, data_sets=2) as job:
            first = await job.sync()
            await job.sync(2 * DAY)
            second = await job.sync(6 * DAY)
            listed = [extract.queued for extract in job.truth().differentials]
            third = await job.sync(timedelta(hours=3))
            fourth = await job.sync(3 * DAY)
        assert first.exit_code == 0
        assert (second.exit_code, third.exit_code, fourth.exit_code) == (3, 3, 0)
        gap = next(gap for gap in second.gaps if gap.data_set == "Users")
        assert (gap.before, gap.closed_by) == (listed[0], None)
        assert queued(of(second)) == listed
        assert through(second) == through(third) == gap.after
        closing = next(each for each in of(fourth) if each.arrival is Arrival.BASELINE)
        assert next(gap for gap in fourth.gaps if gap.data_set == "Users").closed_by == closing.path
        assert through(fourth) == queued(of(fourth))[-1]

    async def test_a_closed_gap_is_told_once(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            await job.sync()
            assert (await job.sync(21 * DAY)).gaps != []
            assert (await job.sync(DAY)).gaps == []

    async def test_what_was_planned_and_expired_undelivered_is_one_too(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            first = await job.sync()
            job.sandbox.play(Fault.of("status", status=404, on="download", bds_type="Differential"))
            failing = [await job.sync(5 * DAY) for _ in range(3)]
        assert [report.exit_code for report in failing] == [3, 3, 3]
        assert [report.gaps for report in failing[:2]] == [[], []]
        (gap,) = failing[2].gaps
        lost = queued(of(failing[0]))[0]
        assert (gap.after, gap.closed_by) == (through(first), of(failing[2], status=Status.DOWNLOADED)[0].path)
        assert gap.before is not None
        assert lost < gap.before

    async def test_hourly_and_weekly_tenants_are_no_exception(self, tmp_path):
        for name, hours, kept in (("hourly", 1.0, 1), ("weekly", 168.0, 14)):
            home = tmp_path / name
            home.mkdir()
            tenant = {"differential_hours": hours, "differential_retention_days": kept}
            async with scheduled(home, data_sets=1, **tenant) as job:
                await job.sync()
                near, far = await job.sync(kept * DAY / 2), await job.sync(32 * DAY)
            assert (near.exit_code, near.gaps) == (0, [])
            assert far.exit_code == 0
            assert [gap.closed_by for gap in far.gaps] == [of(far)[0].path]


class TestSchema:
    CHANGES = (
        SchemaChange(NOW + DAY, "9.5", "Users", append=("Nickname:nvarchar?",)),
        SchemaChange(NOW + 3 * DAY, "10.0", "Users", remove=("Nickname",)),
    )

    async def test_changes_are_told_with_the_extract_that_brings_them(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2, schema_changes=self.CHANGES) as job:
            first = await job.sync()
            warnings: list[Event] = []
            second = await job.sync(2 * DAY, observer=warnings.append)
            third = await job.sync(2 * DAY, observer=warnings.append)
        assert {each.schema_change for each in first.outcomes} == {None}
        additive = [each.schema_change for each in of(second) if each.schema_change]
        assert [(change.kind, change.added, change.removed) for change in additive] == [
            (ChangeKind.ADDITIVE, ("Nickname",), ())
        ]
        breaking = [each.schema_change for each in of(third) if each.schema_change]
        assert [(change.kind, change.added, change.removed) for change in breaking] == [
            (ChangeKind.BREAKING, (), ("Nickname",))
        ]
        told = [event.message for event in warnings if isinstance(event, Warned)]
        assert len(told) == 1
        assert "removed Nickname" in told[0]
        assert (second.exit_code, third.exit_code) == (0, 0)

    async def test_a_breaking_one_is_3_where_that_is_asked_for(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1, schema_changes=self.CHANGES) as job:
            codes = [(await job.sync(strict_schema=True)).exit_code]
            codes += [(await job.sync(2 * DAY, strict_schema=True)).exit_code for _ in range(3)]
        assert codes == [0, 0, 3, 0]

    async def test_versions_side_by_side_break_once(self, tmp_path):
        beside = SchemaChange(NOW + DAY, "10.0", "Users", remove=("FirstName",), beside=5 * DAY)
        async with scheduled(tmp_path, data_sets=1, schema_changes=(beside,)) as job:
            await job.sync()
            reports = [await job.sync(DAY) for _ in range(8)]
        changes = [each.schema_change for report in reports for each in of(report) if each.schema_change]
        assert [change.kind for change in changes] == [ChangeKind.BREAKING]
        assert sum(len(of(report)) for report in reports) > 8

    async def test_pull_tells_them_too(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1, schema_changes=self.CHANGES) as job:
            await job.pull()
            report = await job.pull(12 * DAY)
        changes = [each.schema_change for each in of(report)]
        assert changes == [None]
        assert [each.complete_through for each in report.data_sets] == queued(of(report))


async def test_csv_is_published_where_that_is_asked_for(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1) as job:
        await job.sync(publish_as=PublishAs.CSV)
        taken = take_away(job.to)
        again = await job.sync()
    assert {Path(name).suffix for name in taken} == {".csv"}
    assert again.outcomes == []
