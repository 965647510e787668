"""Real signals to the real command: in any phase it ends in order, and the next run continues from there."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.sandbox.seen import SeenRequest
from tests.support.commands import Done, Running, bds, starting, starting_afresh, until
from tests.support.long_check import arrived_whole, sparse_zip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

SMALL = {"data_sets": 3, "scale": 0.01}
SIGINT, SIGTERM = (signal.SIGINT, 130), (signal.SIGTERM, 143)
SIGNALS = pytest.mark.parametrize(("number", "code"), [SIGINT, SIGTERM])


class Scene:
    """A sandbox, a config for it, and a folder to pull into."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.config = home / "config.json"
        self.to = home / "to"
        self.report_file = home / "run.json"
        sandbox.write_config(self.config)

    def pulling(self, *more: object, by: Callable[..., Any] = starting, **environ: str):
        """Start a pull that writes a report."""
        report = ("--report", self.report_file)
        return by("pull", "--config", self.config, "--to", self.to, *report, *more, **environ)

    async def finish(self) -> None:
        """Check that the next run delivers everything, and leaves nothing behind."""
        self.sandbox.play()
        done = await bds("pull", "--config", self.config, "--to", self.to)
        assert (done.code, done.complaints) == (0, [])
        assert not self.partial_files()
        truth = [each.newest_full.sha256 for each in self.sandbox.catalogue()]
        assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in published(self)) == sorted(truth)

    def partial_files(self) -> list[Path]:
        return list((self.to / ".bds-async" / "partial").iterdir())

    def report(self) -> dict[str, Any]:
        return json.loads(self.report_file.read_text("utf-8"))

    def asked(self, kind: str) -> list[SeenRequest]:
        return [seen for seen in self.sandbox.requests if seen.kind == kind]

    def stored_token(self) -> str:
        return str(json.loads(self.config.read_text())["refresh_token"])


Stage = Callable[..., Any]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A function that sets the scene: a sandbox with these settings and faults."""
    async with asynccontextmanager(_scenes)(tmp_path) as make:
        yield make


async def _scenes(home: Path) -> AsyncIterator[Stage]:
    sandboxes: list[Sandbox] = []

    async def make(*faults: Fault, **settings: Any) -> Scene:
        sandbox = Sandbox(SandboxSettings(**{**SMALL, **settings}, faults=faults))
        await sandbox.start()
        sandboxes.append(sandbox)
        return Scene(sandbox, home)

    try:
        yield make
    finally:
        for sandbox in sandboxes:
            await sandbox.stop()


def ended_in_order(done: Done, code: int) -> None:
    """Check the exit code of the signal, that at most two lines say so, and that nothing is meant for developers."""
    assert done.code == code, done.err
    assert done.complaints == []
    last = done.err.splitlines()[-1]
    assert "run again" in last


@pytest.mark.parametrize(("number", "code"), [SIGINT])
@pytest.mark.parametrize("kind", ["versions", "catalogue", "extracts"])
async def test_while_the_tenant_is_listed(stage: Stage, kind: str, number: int, code: int) -> None:
    """There is no plan yet, so there is no report."""
    scene = await stage(Fault.of("hang", on=kind))
    async with scene.pulling() as running:
        await until(lambda: scene.asked(kind) != [])
        ended_in_order(await running.stopped_by(number), code)
    assert not scene.report_file.exists()
    await scene.finish()


@SIGNALS
async def test_in_the_middle_of_slow_bodies(stage: Stage, number: int, code: int) -> None:
    """The received bytes stay, and are not fetched again; the report names what is pending."""
    scene = await stage(Fault.of("trickle", rate=1_500_000), huge_bytes=4_000_000)
    async with scene.pulling() as running:
        await until(lambda: scene.sandbox.counters.body_bytes > 2_000_000)
        ended_in_order(await running.stopped_by(number), code)
    report = scene.report()
    assert report["exit_code"] == code
    assert "pending" in {each["status"] for each in report["extracts"]}
    held = sum(path.stat().st_size for path in scene.partial_files() if path.suffix == ".part")
    assert held > 0
    moved = scene.sandbox.counters.body_bytes
    await scene.finish()
    listed = sum(each.newest_full.size for each in scene.sandbox.catalogue())
    published = report["totals"]["bytes"]
    assert scene.sandbox.counters.body_bytes - moved == listed - published - held


@pytest.mark.parametrize(("number", "code"), [SIGTERM])
async def test_in_the_middle_of_an_extract_that_is_fetched_by_ranges(stage: Stage, number: int, code: int) -> None:
    scene = await stage(bandwidth=3_000_000, huge_bytes=70_000_000, data_sets=1)
    async with scene.pulling() as running:
        await until(lambda: scene.sandbox.counters.body_bytes > 12_000_000)
        ended_in_order(await running.stopped_by(number), code)
    (ranges,) = [path for path in scene.partial_files() if path.suffix == ".ranges"]
    assert len(ranges.read_bytes().splitlines()) > 4
    assert {each["status"] for each in scene.report()["extracts"]} >= {"pending"}


@pytest.mark.parametrize(("published_as", "number", "code"), [("zip", *SIGINT), ("csv", *SIGTERM)])
async def test_while_a_large_zip_is_verified(stage: Stage, published_as: str, number: int, code: int) -> None:
    """It has arrived whole: it stays, and the next run verifies it."""
    scene = await stage()
    users = next(each for each in scene.sandbox.catalogue() if each.name == "Users").newest_full
    part = arrived_whole(scene.to, users)
    async with scene.pulling("--as", published_as) as running:
        await until(lambda: len(published(scene)) == SMALL["data_sets"] - 1)
        ended_in_order(await running.stopped_by(number), code)
    assert part.exists()
    statuses = {each["data_set"]: each["status"] for each in scene.report()["extracts"]}
    assert statuses.pop("Users") == "pending"
    assert set(statuses.values()) == {"downloaded"}


def published(scene: Scene) -> list[Path]:
    return [path for path in scene.to.rglob("*_full_*") if ".bds-async" not in path.parts]


@pytest.mark.parametrize(("number", "code"), [SIGINT])
async def test_while_the_gate_waits_as_the_tenant_asked(stage: Stage, number: int, code: int) -> None:
    scene = await stage(Fault.of("status", status=429, retry_after=300, on="extracts"))
    async with scene.pulling() as running:
        await until(lambda: any(seen.status == 429 for seen in scene.asked("extracts")))
        ended_in_order(await running.stopped_by(number), code)
    await scene.finish()


@pytest.mark.parametrize(("number", "code"), [SIGTERM])
async def test_while_a_try_waits_for_the_next_one(stage: Stage, number: int, code: int) -> None:
    scene = await stage(Fault.of("status", status=503, retry_after=300))
    async with scene.pulling() as running:
        await until(lambda: sum(seen.status == 503 for seen in scene.asked("storage")) == SMALL["data_sets"])
        ended_in_order(await running.stopped_by(number), code)
    assert {each["status"] for each in scene.report()["extracts"]} == {"pending"}
    await scene.finish()


@pytest.mark.parametrize(("number", "code"), [SIGINT])
async def test_while_an_outage_is_waited_out(stage: Stage, number: int, code: int) -> None:
    scene = await stage(Fault.of("hang", on="extracts", seconds=0.5))
    async with scene.pulling("-v") as running:
        await until(lambda: scene.asked("extracts") != [])
        await scene.sandbox.go_away()
        await line_with(running, b"Retrying for up to")
        ended_in_order(await running.stopped_by(number), code)
    await scene.sandbox.come_back()
    await scene.finish()


async def line_with(running: Running, words: bytes) -> None:
    """Wait for a line of the log."""
    assert running.process.stderr is not None
    async with asyncio.timeout(60):
        async for line in running.process.stderr:
            if words in line:
                return
    raise AssertionError(f"{words!r} never came")


@SIGNALS
async def test_an_exchange_that_is_under_way_is_stored_first(stage: Stage, number: int, code: int) -> None:
    """The auth service already has the old token: the run waits for the answer, and stores the new token."""
    scene = await stage(Fault.of("hang", on="token", seconds=2))
    before = scene.stored_token()
    async with scene.pulling() as running:
        await until(lambda: scene.asked("token") != [])
        ended_in_order(await running.stopped_by(number, within=30), code)
    assert scene.stored_token() != before
    assert scene.sandbox.is_live(scene.stored_token())
    await scene.finish()


OTHERS = ["SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU", "SIGRTMIN", "SIGABRT"]


@pytest.mark.parametrize("name", OTHERS)
async def test_no_catchable_signal_loses_a_token_that_was_sent(stage: Stage, name: str) -> None:
    """A terminal that closes sends SIGHUP, often twice; resource limits, timers and supervisors send others."""
    number = getattr(signal, name)
    scene = await stage(Fault.of("hang", on="token", seconds=2))
    async with scene.pulling() as running:
        await until(lambda: scene.asked("token") != [])
        running.signal(number)
        ended_in_order(await running.stopped_by(number, within=30), 128 + number)
    assert scene.sandbox.is_live(scene.stored_token())


@pytest.mark.skipif(shutil.which("nohup") is None, reason="needs nohup")
async def test_nohup_keeps_sighup_ignored(stage: Stage) -> None:
    scene = await stage(Fault.of("hang", on="token", seconds=1))
    command = ["nohup", sys.executable, "-m", "bds_async", "pull", "--config", scene.config, "--to", scene.to]
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=DEVNULL, stderr=PIPE, stdin=DEVNULL)
    await until(lambda: scene.asked("token") != [])
    process.send_signal(signal.SIGHUP)
    await process.communicate()
    assert process.returncode == 0
    assert published(scene)


async def test_a_second_signal_ends_even_an_exchange_at_once(stage: Stage) -> None:
    scene = await stage(Fault.of("hang", on="token"))
    async with scene.pulling() as running:
        await until(lambda: scene.asked("token") != [])
        running.signal(signal.SIGINT)
        await line_with(running, b"once more to end at once")
        done = await running.stopped_by(signal.SIGINT)
    assert (done.code, done.complaints) == (130, [])


async def test_a_second_signal_ends_at_once_while_the_first_is_being_obeyed(stage: Stage) -> None:
    """At any moment after the first signal; the next run recovers as after a kill."""
    scene = await stage(Fault.of("trickle", rate=300_000), huge_bytes=1_000_000)
    for pause in (0.0, 0.001, 0.005, 0.02):
        async with scene.pulling() as running:
            moved = scene.sandbox.counters.body_bytes
            await until(functools.partial(has_moved, scene, moved))
            running.signal(signal.SIGINT)
            await asyncio.sleep(pause)
            running.signal(signal.SIGINT)
            done = await running.ends(3)
        # At the very end of a process the signal kills the interpreter: a shell reports that as 130 too.
        assert done.code in (130, -signal.SIGINT)
        assert done.complaints == []
    await scene.finish()


@pytest.mark.parametrize(("number", "code"), [SIGTERM])
async def test_while_another_process_holds_the_token(stage: Stage, number: int, code: int) -> None:
    scene = await stage()
    with FileLock(f"{scene.config}.lock"):
        async with scene.pulling() as running:
            await until((scene.to / ".bds-async" / "lock").exists)
            await asyncio.sleep(0.3)
            ended_in_order(await running.stopped_by(number), code)
    assert scene.sandbox.counters.exchanges == 0
    await scene.finish()


@pytest.mark.parametrize(("number", "code"), [SIGINT])
@pytest.mark.parametrize("key", ["auth_service", "bspace_url"])
async def test_while_a_name_server_does_not_answer(
    stage: Stage, tmp_path: Path, key: str, number: int, code: int
) -> None:
    """A look-up cannot be cancelled; the run does not wait for it."""
    scene = await stage()
    document = json.loads(scene.config.read_text())
    scene.config.write_text(json.dumps({**document, key: document[key].replace("127.0.0.1", "localhost")}))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DEAF_RESOLVER)
    environ = {"PYTHONPATH": str(tmp_path / "site"), "DEAF": str(tmp_path / "asked")}
    async with scene.pulling(by=starting_afresh, **environ) as running:
        await until((tmp_path / "asked").exists)
        ended_in_order(await running.stopped_by(number), code)
    assert scene.sandbox.is_live(scene.stored_token())


#: Replaces a resolver whose servers are unreachable: the call blocks its thread, as getaddrinfo does.
DEAF_RESOLVER = """
import os, socket, time

def deaf(host, *arguments, **more):
    if host != "localhost":
        return original(host, *arguments, **more)
    open(os.environ["DEAF"], "w").close()
    time.sleep(60)

original, socket.getaddrinfo = socket.getaddrinfo, deaf
"""


async def test_max_time_ends_in_order_with_3_and_a_report(stage: Stage) -> None:
    scene = await stage(bandwidth=50_000, huge_bytes=1_000_000)
    async with scene.pulling("--max-time", 3) as running:
        done = await running.ends()
    ended_in_order(done, 3)
    report = scene.report()
    assert (report["exit_code"], report["totals"]["failed"]) == (3, 0)
    assert "pending" in {each["status"] for each in report["extracts"]}
    assert "--max-time" in done.err


@pytest.mark.parametrize(("number", "code"), [SIGTERM])
async def test_a_verification_ends_in_the_middle_of_a_file(stage: Stage, number: int, code: int) -> None:
    scene = await stage()
    await scene.finish()
    sparse_zip(published(scene)[0])
    async with starting("verify", "--to", scene.to, "--log-format", "json") as running:
        await line_with(running, b"files to verify")
        ended_in_order(await running.stopped_by(number), code)


@pytest.mark.parametrize(("number", "code"), [SIGTERM])
async def test_every_command_that_asks_the_tenant(stage: Stage, number: int, code: int) -> None:
    """While it waits for the list, so that the next command finds everything unchanged."""
    scene = await stage()
    await scene.finish()
    published(scene)[0].unlink()
    scene.sandbox.play(Fault.of("hang", on="catalogue"))
    for command in (("list",), ("pull", "--dry-run"), ("sync",), ("doctor",), ("verify", "--repair")):
        scene.sandbox.requests.clear()
        to = () if command == ("list",) else ("--to", scene.to)
        async with starting(*command, "--config", scene.config, *to) as running:
            await until(lambda: scene.asked("catalogue") != [])
            ended_in_order(await running.stopped_by(number), code)


@pytest.mark.parametrize(("number", "code"), [SIGINT])
async def test_the_demo(tmp_path: Path, number: int, code: int) -> None:
    """During its first extracts; its sandbox ends with it and leaves nothing behind."""
    (tmp_path / "tmp").mkdir()
    async with starting("demo", "--to", tmp_path / "demo", TMPDIR=str(tmp_path / "tmp")) as running:
        await until(lambda: any((tmp_path / "demo").rglob("*.part")) or any((tmp_path / "demo").rglob("*.zip")))
        ended_in_order(await running.stopped_by(number), code)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [SIGINT])
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="sees in /proc when the program has begun")
async def test_while_it_is_only_starting(stage: Stage, number: int, code: int) -> None:
    """From its first line of code on, while it imports and reads its config: no traceback, and no signal is lost."""
    scene = await stage(Fault.of("hang", on="token", seconds=0.5))
    for pause in (0.0, 0.05, 0.1, 0.2, 0.35, 0.5):
        async with scene.pulling(by=starting_afresh) as running:
            await until(functools.partial(handles, running.process.pid, signal.SIGTERM))
            await asyncio.sleep(pause)
            done = await running.stopped_by(number)
        assert (done.code, done.complaints) == (code, [])


def has_moved(scene: Scene, bytes_before: int) -> bool:
    """Whether the sandbox has sent more."""
    return scene.sandbox.counters.body_bytes > bytes_before


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(("number", "code"), [SIGINT])
async def test_nobody_is_left_behind(stage: Stage, number: int, code: int) -> None:
    """No process survives the run, and its folder is not locked."""
    scene = await stage(bandwidth=100_000, huge_bytes=1_000_000)
    async with scene.pulling() as running:
        await until(lambda: scene.sandbox.counters.body_bytes > 200_000)
        await running.stopped_by(number)
    with FileLock(scene.to / ".bds-async" / "lock", timeout=0):
        pass
