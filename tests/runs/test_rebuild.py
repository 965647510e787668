"""A ledger is rebuilt from the existing files, as far as their names and the tenant's lists allow."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bds_async import Arrival, PublishAs, PullOptions, Status, Wanted, pull
from bds_async.errors import Stopped
from bds_async.events import Event, Examined
from bds_async.ledger import Delivery, Ledger
from bds_async.runs import rebuild as rebuild_module
from bds_async.runs.rebuild import rebuild
from bds_async.sandbox import Reissue
from bds_async.workspace.file_names import compact
from tests.support.places import ledger_path
from tests.support.scheduled import DAY, NOW, Scheduled, of, queued, scheduled, take_away


def deliveries(to: Path) -> dict[str, Delivery]:
    with Ledger.read(ledger_path(to)) as ledger:
        return {each.path: each for each in ledger.deliveries.all() if each.path is not None}


def without_moment(found: dict[str, Delivery]) -> dict[str, tuple[object, ...]]:
    return {
        path: (each.identity, each.bytes, each.sha256, each.columns, each.folder, each.data_set)
        for path, each in found.items()
    }


def written_at(place: Path, moment: datetime) -> None:
    """Set the time of a file, or of each file below a folder."""
    for file in [place] if place.is_file() else place.glob("*/*/*"):
        os.utime(file, (moment.timestamp(), moment.timestamp()))


async def everything(job: Scheduled, publish_as: PublishAs = PublishAs.ZIP) -> None:
    await pull(job.config, job.to, PullOptions(wanted=Wanted.ALL, publish_as=publish_as))


class TestListed:
    async def test_a_lost_ledger_comes_back_as_it_was(self, tmp_path):
        async with scheduled(tmp_path, data_sets=3) as job:
            await everything(job)
            before = deliveries(job.to)
            ledger_path(job.to).unlink()
            found = await rebuild(job.config, job.workspace)
            again = await job.pull(wanted=Wanted.ALL)
        assert (found.recorded, found.rejected, found.failed_lists) == (len(before), [], [])
        assert without_moment(deliveries(job.to)) == without_moment(before)
        assert {each.status for each in again.outcomes} == {Status.SKIPPED}

    async def test_files_whose_own_time_was_lost_come_back_too(self, tmp_path):
        """As in a copy or a restored backup: older than the moment of their data."""
        async with scheduled(tmp_path, data_sets=2) as job:
            await everything(job)
            before = deliveries(job.to)
            written_at(job.to, datetime(2020, 1, 1, tzinfo=UTC))
            ledger_path(job.to).unlink()
            await rebuild(job.config, job.workspace)
        assert without_moment(deliveries(job.to)) == without_moment(before)

    async def test_one_that_is_broken_off_leaves_data_sets_that_it_had_not_finished(self, tmp_path):
        seen: list[str] = []

        def break_off(event: Event) -> None:
            if isinstance(event, Examined):
                seen.append(event.path)
                if not event.path.startswith(seen[0].partition("/")[0]):
                    raise Stopped("enough", 130)

        async with scheduled(tmp_path, data_sets=2) as job:
            await everything(job)
            before = deliveries(job.to)
            with pytest.raises(Stopped):
                await rebuild(job.config, job.workspace, observer=break_off)
        assert without_moment(deliveries(job.to)) == without_moment(before)
        assert len(seen) < len(before)

    async def test_a_sync_goes_on_with_what_is_not_there(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            first = await job.sync()
            ledger_path(job.to).unlink()
            await rebuild(job.config, job.workspace)
            report = await job.sync(DAY)
        assert len(of(first)) == 4
        assert [each.arrival for each in of(report)] == [Arrival.NEW]

    async def test_a_data_set_without_its_files_is_loaded_anew(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            await job.sync()
            before = deliveries(job.to)
            shutil.rmtree(job.to / "Users")
            found = await rebuild(job.config, job.workspace, ["Users"])
            report = await job.sync()
        assert found.recorded == 0
        assert len(of(report)) == len(before) // 2
        assert of(report)[0].arrival is Arrival.BASELINE
        assert of(report, "User Enrollments") == []

    async def test_two_makings_of_one_moment_are_told_apart(self, tmp_path):
        again = Reissue(NOW, timedelta(hours=1), "Users", replaces=False)
        async with scheduled(tmp_path, data_sets=1, reissues=(again,)) as job:
            await job.sync()
            await job.sync(DAY)
            before = deliveries(job.to)
            ledger_path(job.to).unlink()
            await rebuild(job.config, job.workspace)
        assert any("_c2026" in path for path in before)
        assert without_moment(deliveries(job.to)) == without_moment(before)

    @pytest.mark.parametrize("is_kept", [False, True])
    async def test_a_making_that_replaced_the_file_s_is_delivered(self, tmp_path, is_kept):
        """Whether a loader took the file, or it is still there as written."""
        again = Reissue(NOW, 2 * DAY, "Users")
        async with scheduled(tmp_path, data_sets=1, reissues=(again,)) as job:
            await job.sync()
            if not is_kept:
                take_away(job.to)
            written_at(job.to, NOW)
            ledger_path(job.to).unlink()
            job.sandbox.advance(3 * DAY)
            await rebuild(job.config, job.workspace)
            report = await job.sync()
            made = next(each for each in job.truth().extracts if each.queued <= NOW < each.created)
        delivered = [each for each in of(report) if each.extract.created_date == made.created]
        assert [each.extract.queued_for_processing_date for each in delivered] == [made.queued]
        assert ("_c2026" in str(delivered[0].path)) is is_kept

    async def test_a_clock_that_is_off_by_less_than_an_hour_makes_no_making_another(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await everything(job)
            before = deliveries(job.to)
            for path, each in before.items():
                written_at(job.to / path, each.identity.created_date - timedelta(minutes=59))
            await rebuild(job.config, job.workspace)
        assert without_moment(deliveries(job.to)) == without_moment(before)

    async def test_a_name_with_the_moment_of_its_making_needs_no_other_proof(self, tmp_path):
        again = Reissue(NOW, timedelta(hours=1), "Users", replaces=False)
        async with scheduled(tmp_path, data_sets=1, reissues=(again,)) as job:
            await job.sync()
            await job.sync(DAY)
            before = {path: each for path, each in deliveries(job.to).items() if "_c2026" in path}
            written_at(job.to, NOW - 100 * DAY)
            await rebuild(job.config, job.workspace)
            found = deliveries(job.to)
        assert {path: found[path].identity for path in before} == {path: each.identity for path, each in before.items()}

    async def test_a_file_is_looked_up_among_the_listed_and_not_compared_with_each(self, tmp_path, monkeypatch):
        made: list[datetime] = []
        monkeypatch.setattr(rebuild_module, "compact", lambda moment: (made.append(moment), compact(moment))[1])
        async with scheduled(tmp_path, data_sets=1) as job:
            await everything(job)
            found = await rebuild(job.config, job.workspace)
        assert found.recorded > 10
        assert len(made) < 4 * found.recorded

    async def test_csvs_are_taken_as_they_are(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            await everything(job, PublishAs.CSV)
            before = deliveries(job.to)
            ledger_path(job.to).unlink()
            await rebuild(job.config, job.workspace)
        assert without_moment(deliveries(job.to)) == without_moment(before)


class TestNotListed:
    async def test_what_expired_counts_by_its_name_and_does_no_harm(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            first = await job.sync()
            for _ in range(5):
                last = await job.sync(5 * DAY)
            before = deliveries(job.to)
            ledger_path(job.to).unlink()
            found = await rebuild(job.config, job.workspace)
            report = await job.sync(DAY)
        assert found.recorded == len(before)
        oldest = min(each.identity.queued_for_processing_date for each in deliveries(job.to).values())
        assert oldest == queued(of(first))[0]
        assert queued(of(report))[-1] == queued(of(last))[-1] + DAY
        assert len(of(report)) == 2, "the newest full, which sync had not taken, and the next differential"
        assert report.gaps == []


class TestRejected:
    async def test_what_is_no_whole_zip_or_no_extract_is_left_out_and_lies_where_it_lay(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await everything(job)
            damaged, renamed, *_ = sorted(job.to.glob("Users/differential/*.zip"))
            damaged.write_bytes(damaged.read_bytes()[:-9])
            notes = renamed.rename(renamed.with_name("notes.zip"))
            misplaced = job.to / "Users" / "full" / damaged.name
            shutil.copy(damaged, misplaced)
            found = await rebuild(job.config, job.workspace)
        rejected = {Path(each.path).name for each in found.rejected}
        assert rejected == {damaged.name, notes.name}
        assert len(found.rejected) == 3
        assert all(path.exists() for path in (damaged, notes, misplaced))
        assert found.recorded == len(deliveries(job.to)) == 15 - 2

    async def test_of_names_that_differ_by_case_alone_one_is_taken(self, tmp_path):
        """As among the files of a ledger, in which no two paths differ only by case."""
        async with scheduled(tmp_path, data_sets=1) as job:
            await everything(job)
            (file,) = job.to.glob("Users/full/*.zip")
            lower = shutil.copy(file, file.with_name(f"{file.stem}a.zip"))
            upper = shutil.copy(file, file.with_name(f"{file.stem}A.zip"))
            if lower.samefile(upper):
                pytest.skip("the file system folds case")
            found = await rebuild(job.config, job.workspace)
        (rejected,) = found.rejected
        assert rejected.path == lower.relative_to(job.to).as_posix()
        assert "by case alone" in rejected.why
        assert upper.name in rejected.why
        assert found.recorded == len(deliveries(job.to)) == 15 + 1

    async def test_other_folders_are_nobody_s_business(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await everything(job)
            shutil.copytree(job.to / "Users", job.to / "Mine")
            found = await rebuild(job.config, job.workspace)
        assert found.rejected == []
        assert not any(path.startswith("Mine") for path in deliveries(job.to))

    async def test_an_empty_folder_gives_an_empty_ledger(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await everything(job)
            take_away(job.to)
            found = await rebuild(job.config, job.workspace)
        assert (found.recorded, deliveries(job.to)) == (0, {})
