"""The whole job against the sandbox tenant, over real sockets."""

from __future__ import annotations

import functools
import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from bds_async import (
    AuthorisationError,
    Config,
    ConfigError,
    FolderBusy,
    PatternError,
    PublishAs,
    PullOptions,
    RunReport,
    Status,
    Stop,
    Stopped,
    UnreachableError,
    Wanted,
    WrongTenant,
    preview_pull,
    pull,
)
from bds_async.brightspace.gate import Gate
from bds_async.events import Ended, Event, Finished
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.sandbox.truth import TrueExtract
from bds_async.transfer.download import Piece
from bds_async.transfer.fetch import Transfer
from tests.support.places import folder_lock, prepared

SMALL = SandboxSettings(data_sets=4, scale=0.01)
OLD_SCOPES = frozenset({"datahub:dataexports:*"})


def config_of(sandbox: Sandbox, folder: Path) -> Config:
    path = folder / "config.json"
    sandbox.write_config(path)
    return Config.load(path, {})


def newest_fulls(sandbox: Sandbox) -> list[TrueExtract]:
    return [data_set.newest_full for data_set in sandbox.catalogue() if data_set.newest_full is not None]


def full_hashes(sandbox: Sandbox) -> list[str]:
    return sorted(extract.sha256 for extract in newest_fulls(sandbox))


def published(folder: Path) -> dict[str, str]:
    """Every published file with its SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".bds-async" not in path.parts
    }


async def test_pull_brings_the_newest_full_of_every_data_set_whole(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        truth = full_hashes(sandbox)
    assert report.exit_code == 0
    assert sorted(published(tmp_path / "to").values()) == truth
    assert {outcome.status for outcome in report.outcomes} == {Status.DOWNLOADED}


async def test_the_report_says_what_lies_in_the_folder(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        document = (await pull(config_of(sandbox, tmp_path), tmp_path / "to")).document()
        columns = {tuple(extract.columns) for extract in newest_fulls(sandbox)}
    assert {entry["path"]: entry["sha256"] for entry in document["extracts"]} == published(tmp_path / "to")
    assert {tuple(entry["columns"]) for entry in document["extracts"]} == columns
    assert document["totals"]["bytes"] == sum(entry["bytes"] for entry in document["extracts"])
    assert document["totals"]["token_refreshes"] == 1


async def test_a_second_pull_moves_no_body_bytes(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        config = config_of(sandbox, tmp_path)
        first = await pull(config, tmp_path / "to")
        moved = sandbox.counters.body_bytes
        second = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        assert sandbox.counters.body_bytes == moved
    assert second.count(Status.SKIPPED) == len(first.outcomes)
    assert second.exit_code == 0


async def test_force_fetches_again_and_replaces(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        first = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        again = await pull(config_of(sandbox, tmp_path), tmp_path / "to", PullOptions(force=True))
    assert again.count(Status.DOWNLOADED) == len(first.outcomes)
    assert {outcome.path for outcome in again.outcomes} == {outcome.path for outcome in first.outcomes}


async def test_a_missing_or_shortened_file_is_fetched_again(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        first = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        before = published(tmp_path / "to")
        gone, short = (tmp_path / "to" / str(outcome.path) for outcome in first.outcomes[:2])
        gone.unlink()
        short.write_bytes(b"PK")
        second = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
    assert second.count(Status.DOWNLOADED) == 2
    assert published(tmp_path / "to") == before


async def test_a_file_that_the_ledger_does_not_know_is_verified_and_adopted(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        first = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        damaged = tmp_path / "to" / str(first.outcomes[0].path)
        damaged.write_bytes(damaged.read_bytes()[:-1])
        (tmp_path / "to" / ".bds-async" / "ledger.sqlite3").unlink()
        second = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        truth = full_hashes(sandbox)
    assert second.count(Status.DOWNLOADED) == 1
    damaged.with_name(f"{damaged.name}.kept").unlink()
    assert sorted(published(tmp_path / "to").values()) == truth


async def test_the_old_routes_serve_where_the_token_has_the_old_scope(tmp_path: Path) -> None:
    settings = SandboxSettings(data_sets=2, scale=0.01, scopes=OLD_SCOPES)
    async with Sandbox(settings) as sandbox:
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "to", PullOptions(wanted=Wanted.ALL))
        listed = [extract for data_set in sandbox.catalogue() for extract in data_set.differentials]
        truth = sorted(extract.sha256 for extract in [*newest_fulls(sandbox), *listed])
    assert report.exit_code == 0
    assert sorted(published(tmp_path / "to").values()) == truth


async def test_what_came_by_the_old_routes_is_not_fetched_again_by_the_new_ones(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        config = tmp_path / "config.json"
        sandbox.write_config(config)
        document = json.loads(config.read_text())
        document["refresh_token"] = sandbox.new_refresh_token(
            scope="datahub:dataexports:read datahub:dataexports:download"
        )
        config.write_text(json.dumps(document))
        old = await pull(Config.load(config, {}), tmp_path / "to")
        new = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
    assert old.count(Status.DOWNLOADED) == new.count(Status.SKIPPED) == len(new.outcomes)
    assert {outcome.extract.schema_id for outcome in old.outcomes} == {None}


async def test_differentials_are_published_in_queued_order(tmp_path: Path) -> None:
    ended: list[Event] = []
    async with Sandbox(SMALL) as sandbox:
        options = PullOptions(wanted=Wanted.DIFFERENTIAL, data_set=("Users",))
        await pull(config_of(sandbox, tmp_path), tmp_path / "to", options, observer=ended.append)
    moments = [event.outcome.extract.queued_for_processing_date for event in ended if isinstance(event, Ended)]
    assert len(moments) > 10
    assert moments == sorted(moments)


async def test_since_leaves_out_what_was_queued_before(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        newest = max(extract.queued for data_set in sandbox.catalogue() for extract in data_set.differentials)
        options = PullOptions(wanted=Wanted.DIFFERENTIAL, since=newest - timedelta(days=2))
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "to", options)
    assert report.outcomes
    assert min(o.extract.queued_for_processing_date for o in report.outcomes) >= newest - timedelta(days=2)


async def test_csv_publishes_the_member_itself(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        options = PullOptions(publish_as=PublishAs.CSV, data_set=("Users",))
        await pull(config_of(sandbox, tmp_path), tmp_path / "zip", PullOptions(data_set=("Users",)))
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "csv", options)
    (zipped,) = (tmp_path / "zip").rglob("Users_full_*.zip")
    csv = tmp_path / "csv" / str(report.outcomes[0].path)
    with zipfile.ZipFile(zipped) as archive:
        assert csv.read_bytes() == archive.read(archive.namelist()[0])
    assert report.outcomes[0].bytes == csv.stat().st_size


async def test_never_more_bodies_in_flight_than_workers(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_sets=6, scale=0.01, bandwidth=100_000)) as sandbox:
        await pull(config_of(sandbox, tmp_path), tmp_path / "to", PullOptions(workers=3))
        assert 1 < sandbox.counters.most_bodies_in_flight <= 3


async def test_storage_never_sees_the_bearer_and_the_token_is_spent_once(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        assert sandbox.counters.refused_bearers == 0
        assert sandbox.counters.exchanges == 1


async def test_access_tokens_that_die_early_are_renewed(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_sets=8, scale=0.01, latency=0.02)) as sandbox:

        def revoke_often(event: Event) -> None:
            if isinstance(event, Ended):
                sandbox.revoke_access_tokens()

        report = await pull(
            config_of(sandbox, tmp_path), tmp_path / "to", PullOptions(workers=2), observer=revoke_often
        )
    assert report.exit_code == 0
    assert report.counters.token_refreshes > 1


async def test_preview_changes_nothing(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        plan = await preview_pull(config_of(sandbox, tmp_path), tmp_path / "to")
        assert sandbox.counters.body_bytes == 0
    assert not (tmp_path / "to").exists()
    assert plan.steps
    assert all(step.delivered is None for step in plan.steps)


async def test_a_pattern_that_matches_nothing_names_near_misses(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        with pytest.raises(PatternError, match="'Users'"):
            await pull(config_of(sandbox, tmp_path), tmp_path / "to", PullOptions(data_set=("Usres",)))


async def test_a_second_run_on_the_folder_leaves_at_once(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        prepared(tmp_path / "to")
        with folder_lock(tmp_path / "to"), pytest.raises(FolderBusy):
            await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        assert sandbox.counters.exchanges == 0


async def test_a_folder_belongs_to_one_tenant(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as one:
        await pull(config_of(one, tmp_path), tmp_path / "to", PullOptions(data_set=("Users",)))
    async with Sandbox(SMALL) as other:
        with pytest.raises(WrongTenant):
            await pull(config_of(other, tmp_path), tmp_path / "to")
        assert other.counters.exchanges == 0


async def test_a_spent_refresh_token_stops_the_run(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        config = config_of(sandbox, tmp_path)
        sandbox.revoke_refresh_tokens()
        with pytest.raises(AuthorisationError):
            await pull(config, tmp_path / "to")


async def test_an_unknown_api_version_names_those_known(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        config = config_of(sandbox, tmp_path).model_copy(update={"api_version": "9.99"})
        with pytest.raises(ConfigError, match=r"1\.43"):
            await pull(config, tmp_path / "to")


async def test_a_stop_keeps_what_is_there_and_the_next_run_goes_on(tmp_path: Path) -> None:
    reports: list[RunReport] = []
    stop = Stop()

    def stop_after_three(event: Event) -> None:
        if isinstance(event, Finished):
            reports.append(event.report)
        elif isinstance(event, Ended) and len(published(tmp_path / "to")) >= 3:
            stop.request(Stopped("enough", 143))

    async with Sandbox(SandboxSettings(data_sets=6, scale=0.01, latency=0.05)) as sandbox:
        with pytest.raises(Stopped):
            await pull(
                config_of(sandbox, tmp_path),
                tmp_path / "to",
                PullOptions(workers=1),
                observer=stop_after_three,
                stop=stop,
            )
        second = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
        truth = newest_fulls(sandbox)
    assert reports[0].exit_code == 143
    assert reports[0].count(Status.PENDING) > 0
    assert second.count(Status.SKIPPED) >= 3
    assert len(published(tmp_path / "to")) == len(truth)


async def test_a_tenant_that_is_not_there_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bds_async.brightspace.connection.Gate", functools.partial(Gate, first_patience=0.0))
    async with Sandbox(SMALL) as sandbox:
        config = config_of(sandbox, tmp_path).model_copy(update={"bspace_url": "http://127.0.0.1:9"})
        with pytest.raises(UnreachableError):
            await pull(config, tmp_path / "to")


async def test_a_folder_in_the_place_of_a_file_fails_that_extract_alone(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox:
        plan = await preview_pull(config_of(sandbox, tmp_path), tmp_path / "to")
        (tmp_path / "to" / plan.steps[0].path).mkdir(parents=True)
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "to")
    (failed,) = [outcome for outcome in report.outcomes if outcome.status is Status.FAILED]
    assert plan.steps[0].path in str(failed.error)
    assert report.count(Status.DOWNLOADED) == len(plan.steps) - 1


async def test_a_download_that_nobody_works_on_is_begun_anew_and_never_waited_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends, no matter what fails between two pieces."""
    forgotten: list[Piece] = []
    fetch = Transfer.fetch

    async def forget_some(self: Transfer, piece: Piece, worker: int) -> None:
        if piece.download.extract.data_set == "Users" or not forgotten:
            forgotten.append(piece)
        else:
            await fetch(self, piece, worker)

    monkeypatch.setattr(Transfer, "fetch", forget_some)
    async with Sandbox(SMALL) as sandbox:
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "to", PullOptions(attempts=3))
    assert [outcome.extract.data_set for outcome in report.outcomes if outcome.status is Status.FAILED] == ["Users"]


async def test_a_token_refresh_that_ends_while_the_run_ends_is_in_the_report(tmp_path: Path) -> None:
    """The body ends during the second exchange; the auth service answers it, so it counts."""
    settings = SandboxSettings(data_sets=1, scale=0.01, huge_bytes=450_000, access_token_life=1.2)
    async with Sandbox(settings) as sandbox:
        sandbox.play(Fault.of("hang", on="token", seconds=2, at=[2]), Fault.of("trickle", rate=300_000))
        report = await pull(config_of(sandbox, tmp_path), tmp_path / "to", PullOptions())
        assert report.counters.token_refreshes == sandbox.counters.exchanges >= 2
