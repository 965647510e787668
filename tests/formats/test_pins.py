"""With --pin-columns the CSVs keep the columns first seen, no matter what Brightspace appends or moves."""

from __future__ import annotations

import csv
import dataclasses
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bds_async import Outcome, PublishAs, RunOptions, RunReport, Status, repair
from bds_async.ledger import Ledger
from bds_async.runs.corrections import unpin
from bds_async.runs.discrepancies import Remedy, Verification
from bds_async.sandbox import SchemaChange
from tests.support.places import ledger_path
from tests.support.scheduled import DAY, NOW, Scheduled, of, scheduled, take_away

CSV: dict[str, Any] = {"publish_as": PublishAs.CSV}
PINNED: dict[str, Any] = {**CSV, "pin_columns": True}
APPENDED = SchemaChange(NOW + DAY / 2, "9.5", "Users", append=("Nickname:nvarchar?",))
MOVED = SchemaChange(NOW + DAY / 2, "10.0", "Users", move_to_front=("LastName",))
REMOVED = SchemaChange(NOW + DAY / 2, "10.0", "Users", remove=("LastName",))


def table(job: Scheduled, outcome: Outcome) -> list[list[str]]:
    path = job.to / str(outcome.path)
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def truth(job: Scheduled, outcome: Outcome) -> bytes:
    """The tenant's CSV."""
    identity = outcome.extract.identity
    made = next(
        each
        for each in job.truth().extracts
        if (each.queued, each.created) == (identity.queued_for_processing_date, identity.created_date)
    )
    with zipfile.ZipFile(io.BytesIO(made.read())) as archive:
        return archive.read(archive.namelist()[0])


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


async def test_without_a_change_the_bytes_are_brightspace_s(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1) as job:
        report = await job.sync(**PINNED)
        assert len(report.outcomes) > 2
        for outcome in report.outcomes:
            assert (job.to / str(outcome.path)).read_bytes() == truth(job, outcome)


async def test_appended_columns_are_dropped_and_told(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        first = await job.sync(**PINNED)
        later = await job.sync(3 * DAY, **PINNED)
        (header, *_), old = table(job, first.outcomes[0]), first.outcomes[0].columns
        for outcome in later.outcomes:
            assert outcome.columns is not None
            assert table(job, outcome) == [row[: len(header)] for row in rows(truth(job, outcome))]
    assert old is not None
    assert tuple(header) == old
    changes = [outcome.schema_change for outcome in later.outcomes if outcome.schema_change]
    assert [change.added for change in changes] == [("Nickname",)]
    assert later.outcomes[-1].columns == (*old, "Nickname")


async def test_columns_that_moved_stay_where_they_were(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(MOVED,)) as job:
        first = await job.sync(**PINNED)
        later = await job.sync(3 * DAY, **PINNED)
        headers = {tuple(table(job, outcome)[0]) for outcome in (*first.outcomes, *later.outcomes)}
    assert headers == {first.outcomes[0].columns}


async def test_a_pinned_column_that_is_gone_fails_the_extract_until_the_columns_are_unpinned(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(REMOVED,)) as job:
        await job.sync(**PINNED)
        failed = await job.sync(3 * DAY, **PINNED)
        unpin(job.workspace, ["Users"])
        report = await job.sync(**PINNED)
        headers = {tuple(table(job, outcome)[0]) for outcome in report.outcomes}
    assert failed.exit_code == 3
    assert all("LastName" in str(each.error) for each in of(failed, status=Status.FAILED))
    assert len(of(failed, status=Status.FAILED)) == len(report.outcomes) == 2
    assert headers == {report.outcomes[0].columns}
    assert "LastName" not in headers.pop()


async def test_of_a_first_run_across_a_change_the_oldest_extract_s_columns_are_pinned(tmp_path: Path) -> None:
    """Even if the smaller, newer ones arrive much earlier."""
    earlier = SchemaChange(NOW - DAY, "9.5", "Users", append=("Nickname:nvarchar?",))
    async with scheduled(tmp_path, data_sets=1, scale=0.2, schema_changes=(earlier,)) as job:
        report = await job.sync(**PINNED)
        headers = [tuple(table(job, outcome)[0]) for outcome in report.outcomes]
    assert len({outcome.columns for outcome in report.outcomes}) == 2
    assert set(headers) == {report.outcomes[0].columns}


async def test_switched_on_later_the_columns_that_were_delivered_first_are_pinned(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        first = await job.sync(**CSV)
        await job.sync(2 * DAY, **CSV)
        later = await job.sync(DAY, **PINNED)
        header = tuple(table(job, later.outcomes[0])[0])
    assert header == first.outcomes[0].columns


async def test_a_repaired_file_keeps_the_pinned_columns(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        await job.sync(**PINNED)
        later: RunReport = await job.sync(3 * DAY, **PINNED)
        path = job.to / str(later.outcomes[-1].path)
        before = path.read_bytes()
        path.write_bytes(b"spoilt")
        await repair(job.config, job.to, RunOptions())
        assert path.read_bytes() == before


async def spoilt_and_repaired(job: Scheduled, *outcomes: Outcome) -> tuple[dict[str, bytes], Verification]:
    """Spoil files and repair them; return their former contents and the result of the repair."""
    before = {str(outcome.path): (job.to / str(outcome.path)).read_bytes() for outcome in outcomes}
    for path in before:
        (job.to / path).write_bytes(b"spoilt")
    return before, await repair(job.config, job.to, RunOptions())


def holds(job: Scheduled, files: dict[str, bytes]) -> bool:
    return all((job.to / path).read_bytes() == content for path, content in files.items())


async def test_a_repaired_file_has_the_columns_that_were_delivered_whatever_is_pinned_since(tmp_path: Path) -> None:
    """Files from before --pin-columns have all their columns, later files have the pinned ones."""
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        await job.sync(**CSV)
        plain = await job.sync(2 * DAY, **CSV)
        pinned = await job.sync(DAY, **PINNED)
        before, found = await spoilt_and_repaired(job, *plain.outcomes, *pinned.outcomes)
        assert holds(job, before)
    assert {each.remedy for each in found.discrepancies} == {Remedy.REPAIRED}
    assert len({content.partition(b"\r\n")[0] for content in before.values()}) == 2


async def test_a_file_from_before_a_pinned_column_was_there_is_repaired(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        plain = await job.sync(**CSV)
        unpin(job.workspace, ["Users"])
        await job.sync(3 * DAY, **PINNED)
        before, found = await spoilt_and_repaired(job, *plain.outcomes)
        assert holds(job, before)
    assert {each.remedy for each in found.discrepancies} == {Remedy.REPAIRED}


async def test_what_no_longer_gives_the_csv_that_was_delivered_is_not_repaired(tmp_path: Path) -> None:
    """The pin with which the file was written has been removed; any other CSV would not be what was delivered."""
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        await job.sync(**PINNED)
        later = await job.sync(3 * DAY, **PINNED)
        unpin(job.workspace, ["Users"])
        _, found = await spoilt_and_repaired(job, later.outcomes[-1])
        assert holds(job, {str(later.outcomes[-1].path): b"spoilt"})
    (one,) = found.discrepancies
    assert (one.remedy, found.exit_code) == (Remedy.FAILED, 3)
    assert "Cannot reproduce the delivered CSV" in str(one.error)


async def test_where_the_delivered_csv_is_not_known_the_pinned_columns_are_written(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        await job.sync(**PINNED)
        later = await job.sync(3 * DAY, **PINNED)
        with Ledger.open(ledger_path(job.to), job.config.bspace_url) as ledger:
            known = next(each for each in ledger.deliveries.all() if each.path == later.outcomes[-1].path)
            ledger.deliveries.record(dataclasses.replace(known, sha256=None))
        before, found = await spoilt_and_repaired(job, later.outcomes[-1])
        assert holds(job, before)
    assert {each.remedy for each in found.discrepancies} == {Remedy.REPAIRED}


async def test_pull_pins_too(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        first = await job.pull(**PINNED)
        later = await job.pull(timedelta(days=12), **PINNED)
        headers = {tuple(table(job, outcome)[0]) for outcome in (*first.outcomes, *later.outcomes)}
    assert headers == {first.outcomes[0].columns}
    assert later.outcomes[0].columns not in headers


@pytest.mark.parametrize("options", [CSV, {}])
async def test_without_the_option_nothing_is_dropped_or_pinned(tmp_path: Path, options: dict[str, Any]) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(APPENDED,)) as job:
        await job.sync(**options)
        await job.sync(2 * DAY, **options)
        taken = take_away(job.to)
    with Ledger.read(ledger_path(job.to)) as ledger:
        assert ledger.columns.stored_pin("Users") is None
    assert len(taken) > 3
