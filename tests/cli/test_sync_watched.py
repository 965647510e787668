"""`bds-async sync` with its metrics file and health check, in a separate process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bds_async.errors import FolderBusy, LedgerBusy
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.watching.metrics_file import MetricsFile
from tests.support.commands import bds
from tests.support.places import folder_lock

LAST_RUN = "bds_async_last_run_timestamp_seconds"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as found:
        yield found


@pytest.fixture
async def pings() -> AsyncIterator[list[str]]:
    """The address of a health check, then the requested paths."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{rest:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen.append(f"http://127.0.0.1:{runner.addresses[0][1]}/check")
    yield seen
    await runner.cleanup()


async def sync(sandbox: Sandbox, folder: Path, *arguments: object) -> int:
    sandbox.write_config(folder / "config.json")
    config = folder / "config.json"
    return (await bds("sync", "-q", "--config", config, "--to", folder / "to", *arguments)).code


async def test_start_and_success_are_told_to_the_health_check(
    sandbox: Sandbox, pings: list[str], tmp_path: Path
) -> None:
    assert await sync(sandbox, tmp_path, "--ping", pings[0]) == 0
    assert pings[1:] == ["/check/start", "/check"]


async def test_the_address_can_come_from_the_environment(sandbox: Sandbox, pings: list[str], tmp_path: Path) -> None:
    """It contains a secret, and every user of the machine can read the arguments of a process."""
    sandbox.write_config(tmp_path / "config.json")
    done = await bds("sync", "-q", "--to", tmp_path / "to", cwd=tmp_path, BDS_PING_URL=pings[0])
    assert done.code == 0
    assert pings[1:] == ["/check/start", "/check"]


async def test_a_failure_is_told_with_its_exit_code(sandbox: Sandbox, pings: list[str], tmp_path: Path) -> None:
    sandbox.play(Fault.of("status", status=404, on="download", data_set="Users"))
    assert await sync(sandbox, tmp_path, "--ping", pings[0]) == 3
    sandbox.revoke_refresh_tokens()
    sandbox.play(Fault.of("status", status=400, body='{"error": "invalid_grant"}', on="token"))
    assert await sync(sandbox, tmp_path, "--ping", pings[0]) == 4
    assert pings[1:] == ["/check/start", "/check/3", "/check/start", "/check/4"]


async def test_the_metrics_tell_of_the_run_and_of_every_data_set(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sync(sandbox, tmp_path, "--metrics", tmp_path / "bds.prom") == 0
    text = (tmp_path / "bds.prom").read_text("utf-8")
    newest = max(extract.queued for extract in sandbox.catalogue()[0].extracts)
    assert f'bds_async_newest_delivered_timestamp_seconds{{data_set="Users"}} {newest.timestamp():.17g}\n' in text
    assert "bds_async_last_exit_code 0\n" in text


def samples(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


async def test_the_metrics_tell_of_runs_that_end_before_their_plan(sandbox: Sandbox, tmp_path: Path) -> None:
    """The former metrics of deliveries stay."""
    file, code = tmp_path / "bds.prom", "bds_async_last_exit_code"
    assert await sync(sandbox, tmp_path, "--metrics", file) == 0
    first = samples(file)
    sandbox.play(Fault.of("status", status=400, body='{"error": "invalid_grant"}', on="token", first=1))
    assert await sync(sandbox, tmp_path, "--metrics", file) == 4
    refused = samples(file)
    assert refused.pop(code) == "4"
    assert float(refused.pop(LAST_RUN)) > float(first[LAST_RUN])
    assert refused == {name: value for name, value in first.items() if name not in (code, LAST_RUN)}
    done = await bds("sync", "-q", "--config", tmp_path / "none.json", "--to", tmp_path / "to", "--metrics", file)
    assert (done.code, samples(file)[code]) == (2, "2")


async def test_a_run_that_another_one_keeps_out_leaves_the_metrics_to_it(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "bds.prom"
    assert await sync(sandbox, tmp_path, "--metrics", file) == 0
    before = file.read_bytes()
    with folder_lock(tmp_path / "to"):
        assert await sync(sandbox, tmp_path, "--metrics", file) == 75
    assert file.read_bytes() == before


@pytest.mark.parametrize(("error", "codes"), [(LedgerBusy("held"), ["75"]), (FolderBusy("held"), [])])
def test_a_ledger_that_another_program_holds_is_told_since_nobody_else_will(
    tmp_path: Path, error: FolderBusy, codes: list[str]
) -> None:
    file = tmp_path / "bds.prom"
    with pytest.raises(FolderBusy), MetricsFile(file).around():
        raise error
    assert [samples(file)["bds_async_last_exit_code"] for _ in codes] == codes
    assert file.exists() == bool(codes)


async def test_a_report_that_cannot_be_written_shows_in_the_metrics(sandbox: Sandbox, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert await sync(sandbox, tmp_path, "--metrics", tmp_path / "m", "--report", tmp_path / "pipe") == 6
    assert samples(tmp_path / "m")["bds_async_last_exit_code"] == "6"


@pytest.mark.parametrize("place", ["pipe", "/dev/null", "/dev/stdout"])
async def test_a_metrics_file_that_is_no_plain_file_is_refused_beforehand(
    sandbox: Sandbox, tmp_path: Path, place: str
) -> None:
    """Whether or not a process reads the pipe."""
    os.mkfifo(tmp_path / "pipe")
    assert await sync(sandbox, tmp_path, "--metrics", tmp_path / place) == 2
    assert sandbox.counters.exchanges == 0


async def test_a_job_without_a_config_tells_its_health_check(pings: list[str], tmp_path: Path) -> None:
    done = await bds("sync", "--ping", pings[0], cwd=tmp_path)
    assert done.code == 2
    assert pings[1:] == ["/check/start", "/check/2"]


async def test_an_address_that_nobody_can_call_is_refused_beforehand(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sync(sandbox, tmp_path, "--ping", "http://a..b/x") == 2
    assert sandbox.counters.exchanges == 0


async def test_metrics_that_could_not_be_written_are_refused_beforehand(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sync(sandbox, tmp_path, "--metrics", tmp_path / "nowhere" / "bds.prom") == 2
    assert sandbox.counters.exchanges == 0
