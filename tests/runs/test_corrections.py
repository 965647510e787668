"""The next run obeys corrections of the ledger: what is marked, unmarked, accepted, unpinned."""

from __future__ import annotations

from pathlib import Path

import pytest

from bds_async import Arrival, BdsType, ConfigError, FolderBusy, PatternError, Wanted, WrongTenant
from bds_async.ledger import Delivery, Ledger, Selection
from bds_async.ledger.deliveries import Deliveries
from bds_async.runs.corrections import accept, correcting, mark, unmark, unpin
from bds_async.runs.rebuild import rebuild
from bds_async.sandbox import Fault
from bds_async.workspace import workspace_of
from tests.support.kills import MOMENTS, kill
from tests.support.places import folder_lock, ledger_path
from tests.support.scheduled import DAY, NOW, of, queued, scheduled, take_away, through

EVERYTHING = Selection()


class TestMark:
    async def test_what_another_program_has_loaded_is_not_delivered(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            marked = await mark(job.config, job.workspace, ["Users"], EVERYTHING)
            report = await job.sync()
            later = await job.sync(DAY)
            listed = len(job.truth().extracts)
        assert len(marked.deliveries) in (listed, listed + 1)
        assert {each.path for each in marked.deliveries} == {None}
        assert of(report) == []
        assert len(of(report, "User Enrollments")) == 4
        assert [each.arrival for each in of(later)] == [Arrival.NEW]
        assert through(later) == queued(of(later))[-1]

    async def test_marking_hides_nothing_that_came_and_went_before(self, tmp_path):
        """Marking is itself a look: what expired between the last sync and the marking is a gap."""
        async with scheduled(tmp_path, data_sets=1) as job:
            await job.sync()
            job.sandbox.advance(30 * DAY)
            await mark(job.config, job.workspace, ["Users"], Selection(since=NOW + 28 * DAY))
            report = await job.sync()
        assert [(gap.data_set, gap.closed_by is None) for gap in report.gaps] == [("Users", False)]

    async def test_only_what_was_queued_then(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            job.to.mkdir()
            await mark(job.config, job.workspace, ["*"], Selection(until=NOW - 2 * DAY))
            report = await job.sync()
        assert min(queued(of(report))) > NOW - 2 * DAY
        assert {each.extract.bds_type for each in of(report)} == {BdsType.DIFFERENTIAL}

    async def test_only_what_would_have_that_path(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            job.to.mkdir()
            fulls = await mark(job.config, job.workspace, [], Selection(path="Users/full/*"))
            csv = await mark(job.config, job.workspace, [], Selection(path="*_differential_*.csv", since=NOW - 2 * DAY))
        assert {each.identity.bds_type for each in fulls.deliveries} == {BdsType.FULL}
        assert {each.identity.bds_type for each in csv.deliveries} == {BdsType.DIFFERENTIAL}
        assert len(csv.deliveries) == 2

    async def test_nothing_is_marked_twice(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            job.to.mkdir()
            assert (await mark(job.config, job.workspace, [], EVERYTHING)).deliveries
            assert (await mark(job.config, job.workspace, [], EVERYTHING)).deliveries == []

    async def test_lists_that_would_not_come_are_told(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            job.to.mkdir()
            job.sandbox.play(Fault.of("status", status=404, on="extracts", data_set="Users"))
            marked = await mark(job.config, job.workspace, [], EVERYTHING)
        assert [failed.data_set for failed in marked.failed_lists] == ["Users"]

    async def test_a_folder_of_another_tenant_is_refused(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await job.sync()
        async with scheduled(tmp_path, data_sets=1) as other:
            with pytest.raises(WrongTenant):
                await mark(other.config, other.workspace, [], EVERYTHING)


class TestUnmark:
    async def test_what_is_still_listed_is_delivered_again(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            first = await job.sync()
            last = queued(of(first))[-1]
            assert unmark(job.workspace, ["Users"], Selection(since=last)) == 1
            report = await job.sync()
        assert queued(report.outcomes) == [last]
        assert report.exit_code == 0

    async def test_until_then_completeness_stops_before_it(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            first = await job.sync()
            unmark(job.workspace, ["Users"], Selection(since=queued(of(first))[-1]))
            with correcting(job.workspace) as ledger:
                assert ledger.complete_through("Users") == queued(of(first))[-2]

    async def test_what_is_no_longer_listed_is_a_gap_that_a_full_closes(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            first = await job.sync()
            for _ in range(5):
                await job.sync(4 * DAY)
            second = queued(of(first))[1]
            unmark(job.workspace, ["Users"], Selection(since=second, until=second))
            report = await job.sync(DAY)
        (gap,) = report.gaps
        assert (gap.after, gap.before) == (queued(of(first))[0], queued(of(first))[2])
        assert gap.closed_by == next(each.path for each in of(report) if each.arrival is Arrival.BASELINE)

    async def test_a_whole_data_set_begins_anew(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            await job.sync()
            take_away(job.to)
            later = await job.sync(5 * DAY)
            assert unmark(job.workspace, ["users"], EVERYTHING) == 4 + len(of(later))
            report = await job.sync()
            full = job.truth().newest_full
        assert full is not None
        assert (queued(of(report))[0], of(report)[0].arrival) == (full.queued, Arrival.BASELINE)
        assert of(report, "User Enrollments") == []
        assert report.gaps == []

    async def test_by_path(self, tmp_path):
        async with scheduled(tmp_path, data_sets=2) as job:
            first = await job.sync()
            path = of(first)[1].path
            assert path is not None
            assert unmark(job.workspace, [], Selection(path=path)) == 1
            assert unmark(job.workspace, [], Selection(path="Nothing/*")) == 0
            assert [each.path for each in (await job.sync()).outcomes] == [path]

    async def test_of_a_folder_that_was_only_pulled_nothing_is_owed(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await job.pull()
            unmark(job.workspace, [], Selection(path="Users/full/*"))
            with correcting(job.workspace) as ledger:
                assert ledger.syncs.owed("Users") == frozenset()
                assert ledger.deliveries.stock("Users").extracts == 0

    async def test_what_nobody_wants_to_be_told_is_not_read(self, tmp_path, monkeypatch):
        """A ledger may have millions."""
        async with scheduled(tmp_path, data_sets=1) as job:
            first = await job.sync()
            monkeypatch.setattr(Deliveries, "chosen", None)
            assert unmark(job.workspace, [], EVERYTHING) == len(first.outcomes)

    async def test_nothing_changes_before_everything_is_told(self, tmp_path):
        def tell(delivery: Delivery) -> None:
            told.append(delivery)
            if len(told) == 5:
                raise OSError(28, "No space left on device")

        told: list[Delivery] = []
        async with scheduled(tmp_path, data_sets=2) as job:
            first = await job.sync()
            with pytest.raises(OSError, match="No space"):
                unmark(job.workspace, [], EVERYTHING, tell)
        with Ledger.read(ledger_path(job.to)) as ledger:
            assert ledger.deliveries.totals()[0] == len(first.outcomes)

    async def test_a_name_that_no_data_set_has_is_an_error(self, tmp_path):
        async with scheduled(tmp_path, data_sets=1) as job:
            await job.sync()
            with pytest.raises(PatternError, match="Users"):
                unmark(job.workspace, ["Usres"], EVERYTHING)


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
class TestAfterAKill:
    """A killed run's unfinished publication counts as delivered before anything is corrected."""

    async def test_what_is_unmarked_is_fetched_again_even_if_a_loader_took_it(self, tmp_path, moment):
        async with scheduled(tmp_path, data_sets=1) as job:
            await job.sync()
            await kill(job, moment)
            unmark(job.workspace, ["*"], EVERYTHING)
            take_away(job.to)
            report = await job.sync()
        fetched = [each for each in report.outcomes if each.attempts]
        assert queued(fetched) == queued(report.outcomes)
        assert len(take_away(job.to)) == len(fetched) > 2
        assert report.gaps == []

    async def test_what_is_marked_keeps_what_is_known_of_its_file(self, tmp_path, moment):
        async with scheduled(tmp_path, data_sets=1) as job:
            first = await job.sync()
            await kill(job, moment)
            marked = await mark(job.config, job.workspace, ["*"], EVERYTHING)
        with Ledger.read(ledger_path(job.to)) as ledger:
            paths = {each.path for each in ledger.deliveries.all()}
            assert ledger.deliveries.intents() == []
        assert paths - {None} == {path.relative_to(job.to).as_posix() for path in job.to.glob("[!.]*/*/*.zip")}
        assert len(paths - {None}) == len(first.outcomes) + 1
        assert {each.path for each in marked.deliveries} == {None}

    async def test_a_rebuilt_ledger_knows_it(self, tmp_path, moment):
        async with scheduled(tmp_path, data_sets=1) as job:
            first = await job.sync()
            await kill(job, moment)
            assert (await rebuild(job.config, job.workspace)).recorded == len(first.outcomes) + 1


async def test_a_path_means_the_same_extracts_to_mark_and_to_unmark(tmp_path: Path) -> None:
    """Also the first of the paths in a folder that is still empty."""
    paths = ("[!X]*/full/*", "[!U]*", "[^U]*", "*_[!f]*", "Users/[df]ull/*", "*" * 120_000)
    async with scheduled(tmp_path, data_sets=2) as job:
        job.to.mkdir()
        begun = await mark(job.config, job.workspace, [], Selection(path=paths[0]))
        pulled = await job.pull(wanted=Wanted.ALL, force=True)
        there = {each.extract.identity for each in pulled.outcomes}
        ledger = job.workspace.ledger.read_bytes()
        for path in paths:
            job.workspace.ledger.write_bytes(ledger)
            unmarked: list[Delivery] = []
            assert unmark(job.workspace, [], Selection(path=path), unmarked.append) == len(unmarked)
            expected = {each.identity for each in unmarked}
            assert bool(expected) == (path != "[!U]*"), path[:20]
            # Now nothing is delivered, so that all extracts of the path are marked.
            unmark(job.workspace, [], Selection())
            marked = await mark(job.config, job.workspace, [], Selection(path=path))
            assert there & {each.identity for each in marked.deliveries} == expected, path[:20]
            assert path != paths[0] or there & {each.identity for each in begun.deliveries} == expected


async def test_accepted_gaps_are_no_longer_exit_code_3(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, without_full=("*",)) as job:
        await job.sync()
        report = await job.sync(30 * DAY)
        assert (report.exit_code, [gap.closed_by for gap in report.gaps]) == (3, [None])
        assert (await job.sync()).exit_code == 3
        assert accept(job.workspace, ["Users"]).gaps == 1
        after = await job.sync()
    assert (after.exit_code, after.gaps) == (0, [])
    assert through(after) is not None


async def test_a_gap_that_a_marked_full_closes_is_open_no_more_and_no_path_is_made_up_for_it(tmp_path: Path) -> None:
    async with scheduled(tmp_path, differential_retention_days=3.0, data_sets=1) as job:
        await job.sync()
        await job.sync(2 * DAY)
        before = await job.sync(6 * DAY)
        job.sandbox.advance(3.5 * DAY)
        await mark(job.config, job.workspace, [], Selection(path="Users/full/*"))
        report = await job.sync()
    assert (before.exit_code, [gap.closed_by for gap in before.gaps]) == (3, [None])
    assert (report.exit_code, report.gaps) == (0, [])
    assert through(report) == queued(of(report))[-1]


async def test_unpinned_columns_are_pinned_anew(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=2) as job:
        await job.sync()
    assert unpin(job.workspace, ["Users"]) == ["Users"]
    with correcting(job.workspace) as ledger:
        assert ledger.columns.pinned("Users") is None
        assert ledger.columns.pinned("UserEnrollments") is not None


async def test_a_run_under_way_is_not_corrected(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1) as job:
        await job.sync()
        with folder_lock(job.to), pytest.raises(FolderBusy):
            unmark(job.workspace, [], EVERYTHING)


def test_without_a_ledger_there_is_nothing_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no ledger"):
        unmark(workspace_of(tmp_path), [], EVERYTHING)
    assert list(tmp_path.iterdir()) == []
