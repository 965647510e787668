"""Repair of a folder against the sandbox: what is bad or missing, and still listed, is fetched again."""

import dataclasses
import json
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bds_async import (
    AuthorisationError,
    Config,
    DestinationError,
    FolderBusy,
    PublishAs,
    PullOptions,
    RunOptions,
    RunReport,
    Stop,
    Stopped,
    Wanted,
    pull,
    repair,
    verify,
)
from bds_async.brightspace import Listing
from bds_async.events import Ended, Event, Finished, Planned, Started, Surveyed
from bds_async.ledger import Delivery, Ledger
from bds_async.runs.discrepancies import Discrepancy, Fault, Remedy, Verification
from bds_async.runs.repair import _steps
from bds_async.sandbox import Fault as Misbehaviour
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.api.test_pull import config_of, published
from tests.support.builders import a_data_set, an_extract
from tests.support.places import folder_lock, ledger_path

SMALL = SandboxSettings(data_sets=6, scale=0.01)
ONCE = RunOptions(attempts=1)


async def filled(sandbox: Sandbox, home: Path, options: PullOptions | None = None) -> Path:
    """A folder filled by a pull."""
    await pull(config_of(sandbox, home), home / "to", options or PullOptions())
    return home / "to"


async def mended(sandbox: Sandbox, to: Path, options: RunOptions = ONCE, **watching: Any) -> Verification:
    return await repair(config_of(sandbox, to.parent), to, options, **watching)


def damage(to: Path, *places: int) -> list[Path]:
    """Cut the last byte off some of the published files."""
    files = sorted(path for path in to.rglob("*_*") if path.is_file() and ".bds-async" not in path.parts)
    for place in places:
        files[place].write_bytes(files[place].read_bytes()[:-1])
    return files


def remedies(found: Verification) -> dict[str, Remedy | None]:
    return {each.path.rpartition("/")[2]: each.remedy for each in found.discrepancies}


async def test_bad_and_missing_files_are_fetched_again_and_nothing_else(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path)
        before, moved = published(to), sandbox.counters.body_bytes
        files = damage(to, 0)
        files[1].unlink()
        wanted = sum(len(path.read_bytes()) for path in files[:1]) + 1
        found = await mended(sandbox, to)
        assert sandbox.counters.body_bytes - moved == wanted + (to / files[1].relative_to(to)).stat().st_size
    assert published(to) == before
    assert set(remedies(found).values()) == {Remedy.REPAIRED}
    assert found.exit_code == 0
    assert (await verify(to)).discrepancies == ()


async def test_nothing_is_asked_of_the_tenant_where_nothing_is_wrong(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path)
        (to / "notes.txt").write_bytes(b"")
        asked = sandbox.counters.requests
        found = await mended(sandbox, to)
        assert sandbox.counters.requests == asked
    assert [each.fault for each in found.discrepancies] == [Fault.UNKNOWN]


async def test_only_the_lists_of_the_data_sets_concerned_are_asked_for(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path)
        damage(to, 2)
        sandbox.requests.clear()
        await mended(sandbox, to)
        assert len({seen.path for seen in sandbox.requests if seen.kind == "extracts"}) == 1


async def test_a_csv_is_replaced_by_a_csv_and_a_zip_by_a_zip(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        await filled(sandbox, tmp_path, PullOptions(publish_as=PublishAs.CSV, data_set=("Users",)))
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Organ*",)))
        before = published(to)
        assert {Path(path).suffix for path in before} == {".csv", ".zip"}
        damage(to, *range(len(before)))
        await mended(sandbox, to)
    assert published(to) == before


async def test_what_is_not_listed_any_more_stays_as_it_is(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(wanted=Wanted.ALL, data_set=("Users",)))
        full = [path for path in damage(to) if "_full_" in path.name]
        full[0].write_bytes(b"PK")
        sandbox.advance(timedelta(days=60))
        found = await mended(sandbox, to)
    assert remedies(found) == {full[0].name: Remedy.UNLISTED}
    assert full[0].read_bytes() == b"PK"
    assert found.exit_code == 3


async def test_a_missing_file_that_is_not_listed_any_more_is_nothing_bad(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        damage(to)[0].unlink()
        sandbox.advance(timedelta(days=60))
        found = await mended(sandbox, to)
    assert list(remedies(found).values()) == [Remedy.UNLISTED]
    assert found.exit_code == 0


async def test_one_that_fails_says_why_and_the_others_are_repaired(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path)
        bad = damage(to, 0, 1, 2)[0]
        data_set = next(each for each in sandbox.catalogue() if each.name.replace(" ", "") == bad.parts[-3])
        sandbox.play(Misbehaviour.of("status", status=404, on="download", data_set=data_set.name))
        reports: list[RunReport] = []
        found = await mended(sandbox, to, observer=lambda event: note_report(event, reports))
    assert sorted(map(str, remedies(found).values())) == [Remedy.FAILED, Remedy.REPAIRED, Remedy.REPAIRED]
    (failed,) = [each for each in found.discrepancies if each.remedy is Remedy.FAILED]
    assert "404" in str(failed.error)
    assert (found.exit_code, reports[0].exit_code, reports[0].command) == (3, 3, "verify")


def note_report(event: Event, reports: list[RunReport]) -> None:
    if isinstance(event, Finished):
        reports.append(event.report)


async def test_a_list_that_would_not_come_fails_its_files_and_not_the_others(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users", "User Enrollments")))
        damage(to, 0, 1)
        sandbox.play(Misbehaviour.of("status", status=500, on="extracts", data_set="Users"))
        found = await mended(sandbox, to)
    by_data_set = {each.delivery.data_set: each for each in found.discrepancies}
    assert by_data_set["Users"].remedy is Remedy.FAILED
    assert "500" in str(by_data_set["Users"].error)
    assert by_data_set["User Enrollments"].remedy is Remedy.REPAIRED
    assert found.exit_code == 3


async def test_the_ledger_says_what_lies_there_afterwards(tmp_path: Path) -> None:
    """The same extract may arrive as other bytes: from then on, these count as delivered."""
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        (file,) = damage(to)
        with Ledger.open(ledger_path(to), sandbox.tenant_url) as ledger:
            known = next(ledger.deliveries.all())
            ledger.deliveries.record(dataclasses.replace(known, sha256="0" * 64))
        assert (await verify(to)).exit_code == 3
        await mended(sandbox, to)
    assert (await verify(to)).exit_code == 0
    with Ledger.read(ledger_path(to)) as ledger:
        (again,) = ledger.deliveries.all()
    assert published(to) == {again.path: again.sha256}
    assert file.is_file()


async def test_it_takes_the_lock(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        with folder_lock(to), pytest.raises(FolderBusy):
            await mended(sandbox, to)


async def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        with pytest.raises(DestinationError):
            await mended(sandbox, tmp_path / "to")
    assert not (tmp_path / "to").exists()


async def test_a_refused_token_stops_it_and_the_files_that_need_repair_are_named(tmp_path: Path, caplog) -> None:
    """The reading of a large folder is not lost."""
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        damage(to, 0)
        config = config_of(sandbox, tmp_path)
        sandbox.revoke_refresh_tokens()
        with pytest.raises(AuthorisationError):
            await repair(config, to, ONCE)
        named = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert len(named) == 1
        assert re.fullmatch(r"Users/full/Users_full_\S+\.zip is corrupt and was not repaired: .+", named[0])


@pytest.mark.parametrize("moment", [Surveyed, Planned, Started])
async def test_a_stop_is_obeyed_at_every_stage(tmp_path: Path, moment: type) -> None:
    """Everything published is right, and the next repair finishes."""
    stop = Stop()

    def stop_it(event: Event) -> None:
        if isinstance(event, moment):
            stop.request(Stopped("enough", 143))

    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path)
        before = published(to)
        damage(to, 0, 1, 2)
        sandbox.play(Misbehaviour.of("stall"))
        with pytest.raises(Stopped):
            await mended(sandbox, to, observer=stop_it, stop=stop)
        sandbox.play()
        assert (await mended(sandbox, to)).exit_code == 0
    assert published(to) == before


async def test_the_time_limit_counts_for_the_whole_of_it(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        damage(to, 0)
        sandbox.play(Misbehaviour.of("stall", seconds=60))
        with pytest.raises(Stopped) as stopped:
            await mended(sandbox, to, RunOptions(max_time=1.5))
    assert stopped.value.exit_code == 3


async def test_a_limit_that_is_up_after_the_check_is_exit_3(tmp_path: Path, monkeypatch) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        damage(to, 0)
        # The limit is up, but the task that enforces it has had no turn yet.
        times = iter([0.0])
        monkeypatch.setattr("bds_async.runs.repair.time", SimpleNamespace(monotonic=lambda: next(times, 100.0)))
        with pytest.raises(Stopped) as stopped:
            await mended(sandbox, to, RunOptions(max_time=50))
    assert stopped.value.exit_code == 3


async def test_a_stop_names_only_the_files_that_are_not_repaired_yet(tmp_path: Path, caplog) -> None:
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path)
        files = damage(to)
        damage(to, 0, next(place for place, file in enumerate(files) if file.name.startswith("Users_full")))
        sandbox.play(Misbehaviour.of("stall", data_set="Users", seconds=60))
        stop = Stop()

        def watch(event: Event) -> None:
            """Stop once the other file is delivered."""
            if isinstance(event, Ended):
                stop.request()

        with pytest.raises(Stopped):
            await repair(config_of(sandbox, tmp_path), to, ONCE, observer=watch, stop=stop)
    named = [record.message for record in caplog.records if "was not repaired" in record.message]
    assert [text.partition("/")[0] for text in named] == ["Users"]


async def test_a_publication_that_a_kill_interrupted_is_finished_first(tmp_path: Path) -> None:
    """Staged file and intent exist: the file gets its name without another fetch."""
    async with Sandbox(SMALL) as sandbox:
        to = await filled(sandbox, tmp_path, PullOptions(data_set=("Users",)))
        (file,) = damage(to)
        staged = to / ".bds-async" / "partial" / f"{'0' * 32}.part"
        file.rename(staged)
        with Ledger.open(ledger_path(to), sandbox.tenant_url) as ledger:
            known = next(ledger.deliveries.all())
            ledger.deliveries.intend(dataclasses.replace(known, staged=staged.relative_to(to).as_posix()))
        moved = sandbox.counters.body_bytes
        found = await mended(sandbox, to)
        assert sandbox.counters.body_bytes == moved
    assert found.discrepancies == ()
    assert file.is_file()


async def test_the_old_routes_serve_as_well(tmp_path: Path) -> None:
    settings = dataclasses.replace(SMALL, scopes=frozenset({"datahub:dataexports:*"}))
    async with Sandbox(settings) as sandbox:
        to = await filled(sandbox, tmp_path)
        damage(to, 0)
        config = json.loads((tmp_path / "config.json").read_text())
        assert Config.load(tmp_path / "config.json", {}).bspace_url == config["bspace_url"]
        found = await mended(sandbox, to)
    assert set(remedies(found).values()) == {Remedy.REPAIRED}


def test_an_extract_that_two_data_sets_list_is_fetched_once() -> None:
    """They share a plugin id, as two names of one data set do."""
    extract = an_extract()
    delivery = Delivery.of(extract, "UserEnrollments", path="UserEnrollments/full/x.zip")
    bad = Discrepancy("UserEnrollments/full/x.zip", Fault.CORRUPT, "damaged", delivery)
    listing = Listing({a_data_set("One", 1): (extract,), a_data_set("Two", 2): (extract,)})
    assert len(list(_steps(listing, {extract.identity: bad}))) == 1
