"""`--cluster` with a real Dask scheduler and real workers: they fetch the bytes, all secrets and decisions stay here.

The default tests share one cluster, since each process of Dask imports for a second. Run the long ones by hand: `pytest
-m long tests/runs/test_cluster.py`, with BDS_CLUSTER_KILLS for the number of killed workers.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bds_async import __version__, read_ledger
from bds_async.errors import BdsError
from bds_async.options import PublishAs
from bds_async.runs.cluster import cluster_at
from bds_async.runs.cluster.fetch import error_of
from bds_async.runs.cluster.values import Failed, Place, Progress
from bds_async.runs.cluster.work import prepare
from bds_async.runs.context import open_storage
from bds_async.sandbox import Fault, Sandbox
from bds_async.support.running import Stop
from bds_async.workspace import workspace_of
from tests.conftest import StartSandbox
from tests.support.clusters import DaskCluster, running_cluster
from tests.support.commands import Done, bds, starting, starting_afresh, until
from tests.support.fleets import report_of, running_fleet
from tests.support.store_proxy import Proxy, proxy_of
from tests.support.stores import Store, objects, unfinished

KILLS = int(os.environ.get("BDS_CLUSTER_KILLS", "30"))


class Scene:
    """A cluster, and a sandbox whose extracts go to `home/to`."""

    def __init__(self, cluster: DaskCluster, sandbox: Sandbox, home: Path) -> None:
        self.cluster, self.sandbox, self.home = cluster, sandbox, home
        home.mkdir(exist_ok=True)
        sandbox.write_config(home / "config.json")
        self.words = ["--config", home / "config.json", "--to", home / "to", "--report", home / "report.json"]

    async def run(self, command: str, *more: object, **environ: Any) -> Done:
        """Run `pull` or `sync` on the cluster."""
        return await bds(command, *self.words, "--cluster", self.cluster.address, *more, **environ)

    def report(self) -> Any:
        return report_of(self.home / "report.json")

    def workers(self) -> set[str]:
        return {each["worker"] for each in self.report()["extracts"]}

    def files(self) -> dict[str, bytes]:
        """Every file in the folder, with leftovers, except those of the state."""
        to = self.home / "to"
        found = (path for path in to.rglob("*") if path.is_file() and ".bds-async" not in path.parts)
        return {path.relative_to(to).as_posix(): path.read_bytes() for path in found}

    def take(self) -> list[str]:
        """Remove every file except hidden ones, as a loader does."""
        taken = [path for path in self.files() if not path.startswith(".")]
        for path in taken:
            (self.home / "to" / path).unlink()
        return taken

    async def are_right(self) -> bool:
        """Whether the files are exactly those in the ledger, each whole."""
        found = (await bds("verify", "--to", self.home / "to", "--json")).document()["totals"]
        return found["right"] == found["files"] == len(self.files()) and found["unknown"] == 0


@pytest.fixture
def way(s3_server: Store) -> Iterator[Proxy]:
    """The proxy through which only the workers reach the S3 server."""
    with proxy_of(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def cluster(tmp_path: Path, s3_server: Store, way: Proxy) -> Iterator[DaskCluster]:
    """Two workers; a hanging one is given up after 15 seconds."""
    (tmp_path / "dask").mkdir()
    known = {**s3_server.keywords, "AWS_ENDPOINT_URL": way.url, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "15s"}
    with running_cluster(tmp_path / "dask", 2, **known) as found:
        yield found


async def test_a_cluster_delivers_through_kills_keeps_secrets_and_ends_in_order(
    cluster: DaskCluster,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    s3: Store,
    *,
    way: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The docstring of each step has its promise."""
    await two_killed_workers_lose_nothing(Scene(cluster, await start_sandbox(bandwidth=4_000), tmp_path / "kills"))
    await what_the_tenant_serves_itself_is_fetched_here(
        Scene(cluster, await start_sandbox(data_sets=2, direct=True), tmp_path / "direct")
    )
    await a_fleet_shares_the_workers(cluster, tmp_path / "fleet")
    store = Scene(cluster, await start_sandbox(data_sets=2), tmp_path / "store")
    await no_secret_is_in_a_log_or_page_of_the_cluster(store, s3, monkeypatch)
    await a_worker_that_outlives_its_coordinator_adds_nothing_to_a_folder(
        Scene(cluster, await start_sandbox(bandwidth=20_000), tmp_path / "outlived")
    )
    await a_worker_that_outlives_its_coordinator_completes_no_upload(
        Scene(cluster, await start_sandbox(data_sets=2), tmp_path / "uploading"), s3, way
    )
    await a_worker_that_was_given_up_comes_too_late(
        Scene(cluster, await start_sandbox(data_sets=2, bandwidth=20_000), tmp_path / "late"), s3
    )
    last = Scene(cluster, await start_sandbox(bandwidth=3_000), tmp_path / "last")
    await a_stop_ends_the_work_on_the_workers(last)
    await another_version_is_exit_2(last)
    await a_lost_scheduler_is_exit_5_with_a_report(last)
    await no_scheduler_is_exit_5_in_time_and_one_line(last)


async def two_killed_workers_lose_nothing(scene: Scene) -> None:
    """Their extracts go to other workers; here one replaces both, at the address of one of them."""
    address, *_ = await asyncio.to_thread(scene.cluster.known)
    async with starting("pull", *scene.words, "--cluster", scene.cluster.address) as running:
        await until(lambda: scene.sandbox.counters.bodies_in_flight > 0)
        for _ in range(2):
            scene.cluster.kill(scene.cluster.workers[0])
            await asyncio.sleep(0.3)
        scene.cluster.add_worker("--worker-port", address.rpartition(":")[2])
        done = await running.ends()
    assert (done.code, done.complaints) == (0, [])
    report = scene.report()
    totals = report["totals"]
    assert totals["downloaded"] == totals["planned"] == len(scene.files()) == 4
    for extract in report["extracts"]:
        last = extract["attempt_times"][-1]
        assert (last["bytes"] > 0, last["error"]) == (True, None)
        assert 0 < last["waited"] < last["seconds"] < last["began"] + last["seconds"] < totals["seconds"]
    assert scene.workers() <= {*await asyncio.to_thread(scene.cluster.addresses_seen)}
    assert await scene.are_right()


async def what_the_tenant_serves_itself_is_fetched_here(scene: Scene) -> None:
    """Without a signed link it needs the token."""
    assert (await scene.run("pull")).code == 0
    assert (scene.workers(), len(scene.files())) == ({socket.gethostname()}, 2)


async def a_fleet_shares_the_workers(cluster: DaskCluster, home: Path) -> None:
    """The runs of two tenants use one cluster at the same time, each with its own destination and report."""
    async with running_fleet(home, ["yale", "brock"], data_sets=2) as fleet:
        done = await bds("fleet", "pull", fleet.write(), "--cluster", cluster.address, "--report", home / "report.json")
        assert (done.code, done.complaints) == (0, [])
        seen = await asyncio.to_thread(cluster.addresses_seen)
        for tenant in report_of(home / "report.json")["tenants"]:
            extracts = tenant["report"]["extracts"]
            assert {each["worker"] for each in extracts} <= {*seen}
            assert len(extracts) == len(fleet.files(tenant["name"])) == 2


async def no_secret_is_in_a_log_or_page_of_the_cluster(
    scene: Scene, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No signed address or token is in logs, tasks, task stream, events and pages, while CSVs go to a store.

    The coordinator requests a new link for a refused one.
    """
    scene.sandbox.play(Fault.of("status", status=403, data_set="Users", bds_type="Full", first=1))
    signatures: list[str] = []
    signer, sign = scene.sandbox._tenant.signer, scene.sandbox._tenant.signer._signature
    monkeypatch.setattr(signer, "_signature", lambda *parts: signatures.append(sign(*parts)) or signatures[-1])
    bucket = s3.bucket()
    to = ("--to", f"s3://{bucket}/lake", "--state", scene.home / "state")
    watching = asyncio.create_task(asyncio.to_thread(watched, scene.cluster.address))
    done = await scene.run("sync", *to, "--as", "csv", **s3.keywords)
    assert (done.code, done.complaints) == (0, [])
    published = {f"lake/{each['path']}": each["bytes"] for each in scene.report()["extracts"]}
    assert {key: len(content) for key, content in objects(s3, bucket).items()} == published
    assert all(key.endswith(".csv") for key in published)
    fulls = [each for each in scene.sandbox.requests if (each.data_set, each.bds_type) == ("Users", "Full")]
    assert [each.kind for each in fulls].count("download") == 2
    text = scene.cluster.logs() + await watching + done.err
    tokens = scene.sandbox._tenant.tokens
    assert len({*signatures}) >= len(published)
    assert text.count("bds-async-") > len(published)
    secrets = [*signatures, *tokens._access, *tokens._refresh, scene.sandbox.client_secret, "Signature="]
    assert [secret for secret in secrets if secret in text] == []
    assert (await bds("verify", *to, **s3.keywords)).code == 0


def watched(address: str) -> str:
    """What a working cluster shows about tasks: their state, the stream, the calls, the events and the pages."""
    from distributed import Client

    # Defined in here, so that Dask sends its code: the scheduler then need not import the tests.
    def state(dask_scheduler: Any = None) -> str:
        return str([(key, str(task.run_spec), repr(task)) for key, task in dask_scheduler.tasks.items()])

    texts = []
    with Client(address, set_as_default=False) as client:
        client.get_task_stream()
        for _ in range(8):
            time.sleep(0.5)
            texts += [str(client.run_on_scheduler(state)), str(client.call_stack())]
        texts += [str(client.get_task_stream(start=0)), str(client.get_events())]
        port = client.scheduler_info()["services"]["dashboard"]
    for page in ("info/main/workers.html", "json/counts.json", "info/main/logs.html"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10) as answer:
            texts.append(answer.read().decode())
    return "\n".join(texts)


async def a_worker_that_outlives_its_coordinator_adds_nothing_to_a_folder(scene: Scene) -> None:
    """It hangs in a fetch; its coordinator is killed, another run delivers, a loader comes, then it continues."""
    (late,) = scene.cluster.workers
    async with starting("sync", *scene.words, "--cluster", scene.cluster.address) as running:
        await until(lambda: scene.sandbox.counters.bodies_in_flight > 0)
        late.send_signal(signal.SIGSTOP)
        await running.stopped_by(signal.SIGKILL)
    assert (await bds("sync", *scene.words)).code == 0
    # The killed run may have delivered some extracts, too.
    with read_ledger(scene.home / "to") as ledger:
        taken, delivered = scene.take(), len(list(ledger.deliveries.all()))
    late.send_signal(signal.SIGCONT)
    await until(lambda: any("-" in path.name for path in scene.cluster.scratch()))
    again = await scene.run("sync")
    assert (again.code, again.complaints, len(taken)) == (0, [], delivered)
    assert [path.name for path in (scene.home / "to").iterdir() if path.is_file() or path.name[0] == "."] == [
        ".bds-async"
    ]
    assert scene.take() == []


async def a_worker_that_outlives_its_coordinator_completes_no_upload(scene: Scene, s3: Store, way: Proxy) -> None:
    """Its coordinator is killed while it sends the last part, which the store receives after a loader has come."""
    sends, goes_on = threading.Event(), threading.Event()

    def gate(method: str, target: str) -> None:
        if method == "PUT":
            sends.set()
            assert goes_on.wait(60)

    bucket = s3.bucket()
    to = ("--to", f"s3://{bucket}", "--state", scene.home / "state")
    way.rule = gate
    async with starting("sync", *scene.words, *to, "--cluster", scene.cluster.address, **s3.keywords) as running:
        await until(sends.is_set)
        await running.stopped_by(signal.SIGKILL)
    assert (await bds("sync", *scene.words, *to, **s3.keywords)).code == 0
    taken, delivered = take_objects(s3, bucket), scene.report()["totals"]["downloaded"]
    sent = len(scene.cluster.scratch())
    goes_on.set()
    await until(lambda: len(scene.cluster.scratch()) < sent)
    assert objects(s3, bucket) == {}
    again = await scene.run("sync", *to, **s3.keywords)
    assert (again.code, again.complaints, len(taken)) == (0, [], delivered)
    assert (objects(s3, bucket), unfinished(s3, bucket)) == ({}, [])


async def a_worker_that_was_given_up_comes_too_late(scene: Scene, s3: Store) -> None:
    """Its extracts go to another worker, whose objects a loader takes; the next run removes what it then sends."""
    bucket, (late,) = s3.bucket(), scene.cluster.workers
    to = ("--to", f"s3://{bucket}", "--state", scene.home / "state")
    async with starting("sync", *scene.words, *to, "--cluster", scene.cluster.address, **s3.keywords) as running:
        await until(lambda: scene.sandbox.counters.bodies_in_flight > 1)
        late.send_signal(signal.SIGSTOP)
        scene.cluster.add_worker()
        done = await running.ends()
    assert (done.code, done.complaints) == (0, [])
    taken, delivered = take_objects(s3, bucket), scene.report()["totals"]["downloaded"]
    late.send_signal(signal.SIGCONT)
    await until(lambda: bool(unfinished(s3, bucket)))
    scene.cluster.kill(late)
    await asyncio.to_thread(scene.cluster.wait_for, 1)
    for path in scene.cluster.scratch():
        path.unlink()  # as a new worker on this machine would
    again = await scene.run("sync", *to, **s3.keywords)
    assert (again.code, again.complaints, len(taken)) == (0, [], delivered)
    assert (objects(s3, bucket), unfinished(s3, bucket)) == ({}, [])


def take_objects(s3: Store, bucket: str) -> list[str]:
    """Remove every object, as a loader does."""
    keys = list(objects(s3, bucket))
    for key in keys:
        s3.client.delete_object(Bucket=bucket, Key=key)
    return keys


async def a_stop_ends_the_work_on_the_workers(scene: Scene) -> None:
    """The run's scratch space is removed, and its report names what is pending.

    A hanging worker delays nothing.
    """
    hanging = scene.cluster.workers[0]
    async with starting("sync", *scene.words, "--cluster", scene.cluster.address) as running:
        await until(lambda: scene.sandbox.counters.bodies_in_flight > 1)
        hanging.send_signal(signal.SIGSTOP)
        try:
            done = await running.stopped_by(signal.SIGTERM, within=10)
        finally:
            hanging.send_signal(signal.SIGCONT)
    assert (done.code, done.complaints) == (143, [])
    assert any(each["status"] == "pending" for each in scene.report()["extracts"])
    await asyncio.to_thread(scene.cluster.wait_for_no_scratch)


async def another_version_is_exit_2(scene: Scene) -> None:
    """The error names both versions."""
    preload = scene.home / "old.py"
    preload.write_text("import bds_async\nbds_async.__version__ = '0.0.7'\n")
    old = scene.cluster.add_worker("--preload", str(preload))
    await asyncio.to_thread(scene.cluster.wait_for, 2)
    exchanges = scene.sandbox.counters.exchanges
    done = await scene.run("pull")
    assert (done.code, scene.sandbox.counters.exchanges) == (2, exchanges)
    assert len(done.err.splitlines()) == 1, done.err
    line = done.err
    assert f"has bds-async 0.0.7, and this machine has {__version__}" in line
    scene.cluster.kill(old)
    await asyncio.to_thread(scene.cluster.wait_for, 1)


async def a_lost_scheduler_is_exit_5_with_a_report(scene: Scene) -> None:
    """The run ends in order, with one error and no message of Dask, not even from modules that Dask imports late."""
    # Bodies of a worker that was ended before may still be served.
    await until(lambda: scene.sandbox.counters.bodies_in_flight == 0)
    async with starting_afresh("pull", *scene.words, "--cluster", scene.cluster.address) as running:
        await until(lambda: scene.sandbox.counters.bodies_in_flight > 0)
        scene.cluster.scheduler.kill()
        done = await running.ends()
    assert (done.code, done.complaints) == (5, [])
    (error,) = [line for line in done.err.splitlines() if "error" in line]
    assert f"The Dask scheduler at {scene.cluster.address} is lost" in error
    assert scene.report()["exit_code"] == 5


async def no_scheduler_is_exit_5_in_time_and_one_line(scene: Scene) -> None:
    """Before a token is spent."""
    began, exchanges = time.monotonic(), scene.sandbox.counters.exchanges
    done = await scene.run("pull")
    assert (done.code, done.out) == (5, "")
    assert time.monotonic() - began < 15
    assert len(done.err.splitlines()) == 1, done.err
    line = done.err
    assert line.startswith(f"bds-async: error: No Dask scheduler answers at {scene.cluster.address};")
    assert scene.sandbox.counters.exchanges == exchanges


async def test_an_address_of_another_program_is_said_to_be_one(tmp_path: Path) -> None:
    """An HTTP server, and a TLS address without certificates."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def error_of_connecting(address: str) -> BdsError:
        workspace = workspace_of(tmp_path / "to")
        async with open_storage(workspace, "https://tenant.example", Stop()) as storage:
            with pytest.raises(BdsError) as caught:
                async with cluster_at(address, storage, PublishAs.ZIP, Stop()):
                    pass
        return caught.value

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        other, tls = [await error_of_connecting(f"{scheme}://{where}") for scheme in ("tcp", "tls")]
    assert (other.exit_code, tls.exit_code) == (5, 2)
    assert str(other).startswith(f"What answers at tcp://{where} is no Dask scheduler")
    assert "needs certificates" in str(tls)


def test_a_worker_that_cannot_write_its_scratch_space_says_so(tmp_path: Path) -> None:
    """It is not used in the run, and the error names the folder."""
    place = Place("lease", "run", str(tmp_path))
    (tmp_path / "file").touch()
    fault = prepare(place, PublishAs.ZIP, SimpleNamespace(local_directory=tmp_path / "file"))
    assert fault is not None
    assert f"The folder {tmp_path / 'file'}" in fault
    assert "is not a folder" in fault


@pytest.mark.parametrize("kind", ["ValueError", "rank", "_ORDER", "annotations"])
def test_the_answer_of_a_worker_with_any_kind_of_error_is_a_defect_that_names_the_worker(kind: str) -> None:
    """Even if the name is that of something else in the module of errors."""
    error = error_of(Failed(Progress(worker="tcp://w:1"), kind, "ValueError in work.py:1"))
    assert (type(error), str(error).startswith("On the worker tcp://w:1: ValueError")) == (BdsError, True)


def test_nothing_of_dask_is_imported_without_a_cluster() -> None:
    names = "bds_async.api, bds_async.cli.pull, bds_async.cli.sync, bds_async.runs.fetching, sys"
    text = f"import {names}; print({{'dask', 'distributed'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.long
async def test_139_data_sets_outlive_many_killed_workers(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Run after run, until enough workers are killed: the files are the same as without a cluster."""
    sandbox, chance = await start_sandbox(data_sets=139, bandwidth=100_000), random.Random(KILLS)
    scene, killed = Scene(cluster, sandbox, tmp_path / "to"), 0
    cluster.add_worker()
    await asyncio.to_thread(cluster.wait_for, 3)
    while killed < KILLS:
        async with starting("pull", *scene.words, "--cluster", cluster.address, "--force") as running:
            await until(lambda: sandbox.counters.bodies_in_flight > 1)
            while running.process.returncode is None and killed < KILLS:
                await asyncio.sleep(chance.uniform(0.1, 2))
                cluster.kill(chance.choice(cluster.workers))
                cluster.add_worker()
                killed += 1
            done = await running.ends(300)
        assert (done.code, done.complaints) == (0, [])
    again = await scene.run("pull", "-q")
    assert (again.code, again.err, len(scene.files())) == (0, "", 139)
    assert await scene.are_right()
    plain = Scene(cluster, sandbox, tmp_path / "plain")
    assert (await bds("pull", *plain.words)).code == 0
    assert scene.files() == plain.files()


@pytest.mark.long
@pytest.mark.parametrize("where", ["folder", "store"])
async def test_two_weeks_of_syncs_deliver_each_extract_once(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path, s3: Store, where: str
) -> None:
    """Some are stopped, some killed; a loader removes every file as soon as it sees it, and sees none twice."""
    sandbox, chance, taken = await start_sandbox(data_sets=3, bandwidth=40_000), random.Random(7), list[str]()
    scene, bucket = Scene(cluster, sandbox, tmp_path / "weeks"), s3.bucket()
    to = () if where == "folder" else ("--to", f"s3://{bucket}/p", "--state", tmp_path / "state")

    def take() -> None:
        taken.extend(scene.take() if where == "folder" else take_objects(s3, bucket))

    for day in range(14):
        if day % 3 == 1:
            words = ("sync", *scene.words, "--cluster", cluster.address, *to)
            async with starting(*words, **s3.keywords) as running:
                await asyncio.sleep(chance.uniform(1, 5))
                await running.stopped_by(chance.choice((signal.SIGTERM, signal.SIGKILL)), within=30)
            take()
        done = await scene.run("sync", *to, **s3.keywords)
        assert (done.code, done.complaints) == (0, [])
        take()
        sandbox.advance(timedelta(days=1))
    assert len(taken) == len({*taken})
    # Every extract listed now was queued after the first full, or is an older full.
    newest = {f"{each.queued:%Y%m%dT%H%M%SZ}" for data_set in sandbox.catalogue() for each in data_set.extracts[-2:]}
    assert len(newest - {path.split("_")[-2] for path in taken}) <= 3


@pytest.mark.long
@pytest.mark.parametrize("where", ["folder", "store"])
async def test_workers_that_go_on_after_their_coordinator_was_killed_add_nothing(
    cluster: DaskCluster, start_sandbox: StartSandbox, tmp_path: Path, s3: Store, where: str
) -> None:
    """A loader comes after each finished run; it sees no extract twice, and nothing is left at the end."""
    sandbox, chance, taken = await start_sandbox(data_sets=4, bandwidth=40_000), random.Random(11), list[str]()
    scene, bucket = Scene(cluster, sandbox, tmp_path / "scene"), s3.bucket()
    to = () if where == "folder" else ("--to", f"s3://{bucket}", "--state", tmp_path / "state")
    for _ in range(6):
        words = ("sync", *scene.words, "--with-fulls", *to)
        async with starting(*words, "--cluster", cluster.address, **s3.keywords) as running:
            await until(lambda: sandbox.counters.bodies_in_flight > 0)
            await asyncio.sleep(chance.uniform(0, 3))
            late = chance.choice(cluster.workers)
            late.send_signal(signal.SIGSTOP)
            await running.stopped_by(signal.SIGKILL)
        for run in (bds(*words, **s3.keywords), bds(*words, "--cluster", cluster.address, **s3.keywords)):
            done = await run
            assert (done.code, done.complaints) == (0, [])
            taken += scene.take() if where == "folder" else take_objects(s3, bucket)
            late.send_signal(signal.SIGCONT)
            sandbox.advance(timedelta(days=1))
    exported = await bds("ledger", "export", *(to or scene.words[2:4]), **s3.keywords)
    assert sorted(taken) == sorted(json.loads(line)["path"] for line in exported.out.splitlines())
    assert [path for path in scene.files() if path.startswith(".")] == []
    assert (objects(s3, bucket), unfinished(s3, bucket)) == ({}, [])
