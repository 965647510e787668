"""`--cluster` with a real Dask scheduler and real workers: the bytes go there, all secrets and decisions stay here.

BDS_CLUSTER_KILLS and BDS_CLUSTER_DATA_SETS make the runs longer, by hand.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bds_async import __version__
from bds_async.sandbox import Fault, Sandbox
from tests.conftest import StartSandbox
from tests.support.clusters import DaskCluster, running_cluster
from tests.support.commands import Done, bds, starting, until
from tests.support.fleets import report_of
from tests.support.stores import Store, objects

KILLS = int(os.environ.get("BDS_CLUSTER_KILLS", "2"))
DATA_SETS = int(os.environ.get("BDS_CLUSTER_DATA_SETS", "12"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, s3_server: Store) -> Iterator[DaskCluster]:
    """Three workers, which reach the S3 server."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), 3, **s3_server.environ) as found:
        yield found


async def run(
    command: str, sandbox: Sandbox, home: Path, cluster: DaskCluster | None, *more: object, **environ: str
) -> Done:
    """Run `pull` or `sync` into `home/to`."""
    sandbox.write_config(home / "config.json")
    where = ["--config", home / "config.json", *(("--cluster", cluster.address) if cluster is not None else ())]
    return await bds(command, *where, "--report", home / "report.json", *(more or ("--to", home / "to")), **environ)


def files(folder: Path) -> dict[str, bytes]:
    """Every file in a folder but those of the program, by its path; the names of leftovers are included."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".bds-async" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


async def test_a_shared_folder_gets_the_same_files_as_without_a_cluster(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The workers that fetched are in the report; a signed link that is refused is asked for again from here."""
    sandbox = await start_sandbox(data_sets=DATA_SETS)
    sandbox.play(Fault.of("status", status=403, data_set="Users", first=1))
    done = await run("pull", sandbox, tmp_path, cluster)
    assert (done.code, done.complaints) == (0, [])
    report = report_of(tmp_path / "report.json")
    workers = {each["worker"] for each in report["extracts"]}
    assert len(workers) > 1
    assert workers <= {*await asyncio.to_thread(cluster.known)}
    asked = [each for each in sandbox.requests if each.data_set == "Users" and each.kind == "download"]
    assert len(asked) == 2
    (tmp_path / "plain").mkdir()
    assert (await run("pull", sandbox, tmp_path / "plain", None)).code == 0
    assert files(tmp_path / "to") == files(tmp_path / "plain" / "to")
    assert cluster.scratch() == []


async def test_no_secret_is_in_a_log_or_page_of_the_cluster_while_csvs_go_to_a_store(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed addresses and tokens are searched in logs, the task stream, events, and the pages of the dashboard."""
    sandbox, bucket, signatures = await start_sandbox(data_sets=6), s3.bucket(), []
    signer, sign = sandbox._tenant.signer, sandbox._tenant.signer._signature
    monkeypatch.setattr(signer, "_signature", lambda *parts: signatures.append(sign(*parts)) or signatures[-1])
    to = ("--to", f"s3://{bucket}/lake", "--state", tmp_path / "state")
    seen = asyncio.create_task(asyncio.to_thread(watched, cluster.address))
    await asyncio.sleep(1)
    done = await run("sync", sandbox, tmp_path, cluster, *to, "--as", "csv", **s3.environ)
    assert (done.code, done.complaints) == (0, [])
    found = objects(s3, bucket)
    report = report_of(tmp_path / "report.json")
    published = {f"lake/{each['path']}": each["bytes"] for each in report["extracts"]}
    assert {key: len(content) for key, content in found.items()} == published
    assert all(key.endswith(".csv") for key in found)
    text = cluster.logs() + await seen + done.err
    secrets = [*signatures, *sandbox._tenant.tokens._access, *sandbox._tenant.tokens._refresh, sandbox.client_secret]
    assert len(signatures) > 6
    assert "bds-async-" in text
    assert [secret for secret in secrets if secret in text] == []
    assert "Signature" not in text
    verified = await bds("verify", *to, **s3.environ)
    assert verified.code == 0


def watched(address: str) -> str:
    """What a cluster shows of tasks while it works: the stream, the events, the state and the pages."""
    from distributed import Client

    texts = []
    with Client(address, set_as_default=False) as client:
        client.get_task_stream()
        for _ in range(6):
            time.sleep(0.7)
            texts.append(str(client.get_task_stream(start=0)))
            texts.append(str(client.run_on_scheduler(_state)))
            texts.append(str(client.call_stack()))
        texts.append(str(client.get_events()))
        port = client.scheduler_info()["services"].get("dashboard")
    for page in ("info/main/workers.html", "json/counts.json", "info/logs.html", "metrics"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
                texts.append(answer.read().decode())
        except OSError:
            continue
    return "\n".join(texts)


def _state(dask_scheduler: Any = None) -> str:
    return str([(key, str(task.run_spec), repr(task)) for key, task in dask_scheduler.tasks.items()])


async def test_workers_that_are_killed_lose_nothing_and_tear_nothing(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Their extracts go to others; the next run has nothing to fetch, and removes what the killed ones left."""
    sandbox = await start_sandbox(data_sets=DATA_SETS, bandwidth=20_000 if KILLS == 2 else 100_000)
    chance, killed = random.Random(KILLS), 0
    sandbox.write_config(tmp_path / "config.json")
    where = ("--config", tmp_path / "config.json", "--to", tmp_path / "to", "--cluster", cluster.address)
    while killed < KILLS:
        async with starting("pull", *where, "--force", "--report", tmp_path / "report.json") as running:
            await until(lambda: sandbox.counters.bodies_in_flight > 1)
            while running.process.returncode is None and killed < KILLS:
                await asyncio.sleep(chance.uniform(0.1, 0.5))
                cluster.kill(chance.choice(cluster.workers))
                cluster.add_worker()
                killed += 1
                await asyncio.sleep(1.5)
            done = await running.ends(300)
        assert (done.code, done.complaints) == (0, [])
        report = report_of(tmp_path / "report.json")
        assert report["totals"]["downloaded"] == report["totals"]["planned"]
    await asyncio.to_thread(cluster.wait_for, 3)
    again = await bds("pull", *where, "-q")
    assert (again.code, again.err) == (0, "")
    found = files(tmp_path / "to")
    assert {*found} == {each["path"] for each in report["extracts"]}
    verified = await bds("verify", "--to", tmp_path / "to", "--json")
    assert verified.document()["totals"]["right"] == len(found) == DATA_SETS


async def test_a_stop_ends_the_work_on_the_workers_and_the_next_sync_goes_on(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Two weeks of syncs, one of them stopped, another killed: each extract once."""
    sandbox = await start_sandbox(data_sets=3, bandwidth=50_000)
    sandbox.write_config(tmp_path / "config.json")
    where = ("--config", tmp_path / "config.json", "--to", tmp_path / "to", "--cluster", cluster.address)
    for number in (signal.SIGTERM, signal.SIGKILL):
        async with starting("sync", *where) as running:
            await until(lambda: sandbox.counters.bodies_in_flight > 1)
            done = await running.stopped_by(number, within=15)
        assert done.code == (143 if number == signal.SIGTERM else -number)
        if number == signal.SIGTERM:
            await until(lambda: cluster.scratch() == [])
    paths: list[str] = []
    for _ in range(3):
        done = await run("sync", sandbox, tmp_path, cluster)
        assert (done.code, done.complaints) == (0, [])
        extracts = report_of(tmp_path / "report.json")["extracts"]
        paths += [each["path"] for each in extracts if each["status"] == "downloaded"]
        sandbox.advance(timedelta(days=6))
    assert len(paths) == len({*paths})
    assert {*files(tmp_path / "to")} >= {*paths}
    verified = await bds("verify", "--to", tmp_path / "to", "--json")
    assert verified.document()["totals"]["right"] == len(files(tmp_path / "to"))


async def test_what_the_tenant_serves_itself_is_fetched_here(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = await start_sandbox(data_sets=2, direct=True)
    done = await run("pull", sandbox, tmp_path, cluster)
    assert (done.code, len(files(tmp_path / "to"))) == (0, 2)
    assert {each["worker"] for each in report_of(tmp_path / "report.json")["extracts"]} == {socket.gethostname()}


async def test_no_scheduler_is_exit_5_in_time_and_one_line(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = await start_sandbox(data_sets=1)
    sandbox.write_config(tmp_path / "config.json")
    began = time.monotonic()
    done = await bds(
        "pull", "--config", tmp_path / "config.json", "--to", tmp_path / "to", "--cluster", "tcp://127.0.0.1:1"
    )
    assert (done.code, done.out) == (5, "")
    assert time.monotonic() - began < 15
    (line,) = done.err.splitlines()
    assert line.startswith("bds-async: error: No Dask scheduler answers at tcp://127.0.0.1:1")
    assert sandbox.counters.exchanges == 0


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[DaskCluster]:
    """A cluster of one worker, which nothing else uses."""
    (tmp_path / "home").mkdir()
    with running_cluster(tmp_path / "home", 1) as found:
        yield found


async def test_another_version_is_exit_2_and_a_lost_scheduler_exit_5(
    doomed: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """An error names both versions; the loss of the scheduler ends a run in an orderly way, with its report."""
    sandbox = await start_sandbox(data_sets=4, bandwidth=3_000)
    (tmp_path / "old.py").write_text("import bds_async\nbds_async.__version__ = '0.0.7'\n")
    old = doomed.add_worker("--preload", str(tmp_path / "old.py"))
    await asyncio.to_thread(doomed.wait_for, 2)
    done = await run("pull", sandbox, tmp_path, doomed)
    assert (done.code, sandbox.counters.exchanges) == (2, 0)
    (line,) = done.err.splitlines()
    assert f"has bds-async 0.0.7, and this machine has {__version__}" in line
    doomed.kill(old)
    await asyncio.to_thread(doomed.wait_for, 1)

    where = ("--config", tmp_path / "config.json", "--to", tmp_path / "to", "--cluster", doomed.address)
    async with starting("pull", *where, "--report", tmp_path / "report.json") as running:
        await until(lambda: sandbox.counters.bodies_in_flight > 0)
        doomed.scheduler.kill()
        done = await running.ends(30)
    assert (done.code, done.complaints) == (5, [])
    errors = [line for line in done.err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "No Dask scheduler answers" in errors[0]
    assert report_of(tmp_path / "report.json")["exit_code"] == 5


def test_nothing_of_dask_is_imported_without_a_cluster() -> None:
    names = "bds_async.api, bds_async.cli.pull, bds_async.cli.sync, bds_async.runs.fetching, sys"
    text = f"import {names}; print({{'dask', 'distributed'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
