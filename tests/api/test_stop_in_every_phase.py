"""While another program holds the ledger, or no one reads the report, every phase of a command obeys a stop.

The promise is 2 seconds; the tests allow more for a busy machine, and far less than the 30 seconds of a wait.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bds_async import Config, pull
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import Done, Running, bds, starting, until
from tests.support.paused import Pause
from tests.support.places import ledger_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

#: Seconds within which a stopped command must end.
SOON = 8.0
#: A command, and one of its functions, after whose call the command uses the ledger.
PHASES = {
    "pull, recovery": (("pull",), "bds_async.runs.plan:recover"),
    "pull, measurement": (("pull", "--force"), "bds_async.runs.run:measure"),
    "pull, after the report": (("pull", "--force"), "bds_async.runs.run:settle_gaps"),
    "sync, recovery": (("sync",), "bds_async.runs.plan:recover"),
    "sync, measurement": (("sync", "--with-fulls"), "bds_async.runs.run:measure"),
    "sync, mirror": (("sync", "--mirror", "duckdb:mirror.duckdb"), "bds_async.runs.mirroring:source_in"),
    "mirror": (("mirror",), "bds_async.mirrors.run:source_of"),
    "preview of a mirror": (("mirror", "--dry-run"), "bds_async.mirrors.preview:source_of"),
    "verify": (("verify",), "bds_async.runs.verification:examine"),
    "verify, unknown files": (("verify",), "bds_async.runs.verification:_stored"),
    "verify, repair": (("verify", "--repair"), "bds_async.runs.repair:examine"),
    "verify, repaired": (("verify", "--repair"), "bds_async.runs.run:measure"),
    "ledger mark": (("ledger", "mark", "--data-set", "*"), "bds_async.runs.corrections:read_listing"),
    "ledger mark, marking": (("ledger", "mark", "--data-set", "*"), "bds_async.runs.corrections:by_folder"),
    "ledger rebuild": (("ledger", "rebuild"), "bds_async.runs.rebuild:read_listing"),
    "ledger rebuild, files": (("ledger", "rebuild"), "bds_async.runs.rebuild:_all_files"),
    "ledger unmark": (("ledger", "unmark", "--data-set", "*"), "bds_async.runs.corrections:chosen_folders"),
    "ledger export": (("ledger", "export"), "bds_async.cli.ledger:chosen_folders"),
    "schema": (("schema",), "bds_async.cli.schema:chosen_folders"),
    "preview of a pull": (("pull", "--dry-run"), "bds_async.api:plan_pull"),
    "preview of a sync": (("sync", "--dry-run"), "bds_async.api:plan_sync"),
    "doctor": (("doctor",), "bds_async.doctor.space:plan_pull"),
}


class Scene:
    """A folder filled by a pull, and the commands that work on it."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.to = home / "to"
        self.report_file = home / "run.json"
        sandbox.write_config(home / "config.json")

    def arguments(self, *command: str) -> list[object]:
        has_report = (command[0] in ("pull", "sync") and "--dry-run" not in command) or "--repair" in command
        report = ("--report", self.report_file) if has_report else ()
        return [*command, "--config", self.home / "config.json", "--to", self.to, *report]

    async def fill(self) -> None:
        await pull(Config.load(self.home / "config.json", {}), self.to)

    def spoil_a_file(self) -> None:
        next(self.to.rglob("*_full_*.zip")).write_bytes(b"PK")

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.report_file.read_text("utf-8"))
        return found

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the ledger in this process, which is not that of the command."""
        with closing(sqlite3.connect(ledger_path(self.to), isolation_level=None, timeout=60)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            yield


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Sandbox(SandboxSettings(data_sets=2, scale=0.01)) as sandbox:
        found = Scene(sandbox, tmp_path)
        await found.fill()
        yield found


async def paused(running: Running, pause: Pause) -> None:
    """Wait until a command has reached its pause."""
    await until(lambda: pause.is_reached or running.process.returncode is not None)
    assert running.process.returncode is None, (await running.ends()).err


@pytest.mark.parametrize("name", sorted({command[0] for command, _ in PHASES.values()}))
async def test_while_another_program_holds_the_ledger(scene: Scene, tmp_path: Path, name: str) -> None:
    """All phases of a command, one after the other on one folder: each of them needs only a filled folder."""
    (scene.to / "unknown.txt").write_text("x")
    for phase, (command, place) in PHASES.items():
        if command[0] == name:
            done = await stopped_while_held(scene, Pause(tmp_path / phase, place), command)
            assert (done.code, done.complaints) == (143, []), f"{phase}: {done.err}"


async def stopped_while_held(scene: Scene, pause: Pause, command: tuple[str, ...]) -> Done:
    if "--repair" in command:
        scene.spoil_a_file()
    async with starting(*scene.arguments(*command), cwd=scene.home, **pause.environ) as running:
        await paused(running, pause)
        with scene.held():
            pause.end()
            await asyncio.sleep(0.5)
            return await running.stopped_by(signal.SIGTERM, within=SOON)


@pytest.mark.parametrize("command", [("pull", "--force"), ("sync", "--with-fulls"), ("verify", "--repair")])
async def test_a_run_that_is_stopped_while_it_measures_has_a_report_that_says_what_it_lacks(
    scene: Scene, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = await held_at_the_end(scene, tmp_path, command, is_stopped=True)
    assert (done.code, done.complaints) == (143, []), done.err
    report = scene.report()
    assert (report["exit_code"], report["data_sets"], report["gaps"]) == (143, [], [])
    assert "Another program holds the ledger" in report["lacks"]
    assert report["totals"]["planned"] > 0
    assert {each["status"] for each in report["extracts"]} <= {"downloaded", "skipped"}


@pytest.mark.parametrize("command", [("pull", "--force"), ("verify", "--repair")])
async def test_without_a_stop_it_is_exit_code_75(scene: Scene, tmp_path: Path, command: tuple[str, ...]) -> None:
    """The published files are in the report; running again says how complete the folder is."""
    done = await held_at_the_end(scene, tmp_path, command, is_stopped=False)
    assert (done.code, done.complaints) == (75, []), done.err
    assert "Another program holds the ledger" in done.err
    report = scene.report()
    assert (report["exit_code"], report["data_sets"]) == (75, [])
    assert "Another program holds the ledger" in report["lacks"]
    assert report["totals"]["downloaded"] > 0
    again = await bds(*scene.arguments("pull"))
    assert (again.code, scene.report()["lacks"]) == (0, None)


async def held_at_the_end(scene: Scene, tmp_path: Path, command: tuple[str, ...], *, is_stopped: bool) -> Done:
    """A run whose ledger is held from its last publication on; unless stopped, it waits for 3 seconds instead of 30."""
    patience = {} if is_stopped else {"USUAL_PATIENCE": "3"}
    scene.spoil_a_file()
    pause = Pause(tmp_path / "pause", "bds_async.runs.run:measure")
    async with starting(*scene.arguments(*command), cwd=None, **pause.environ, **patience) as running:
        await paused(running, pause)
        with scene.held():
            pause.end()
            await asyncio.sleep(0.5)
            return await (running.stopped_by(signal.SIGTERM, within=SOON) if is_stopped else running.ends())


@pytest.mark.parametrize("command", [("pull",), ("sync",), ("verify", "--repair")])
async def test_while_the_report_waits_for_the_reader_of_a_pipe(scene: Scene, command: tuple[str, ...]) -> None:
    """A pipe that another process has open, and does not read."""
    os.mkfifo(scene.report_file)
    if "--repair" in command:
        scene.spoil_a_file()
    reader = os.open(scene.report_file, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(scene.report_file, os.O_WRONLY | os.O_NONBLOCK)
    try:
        filled = fill(writer)
        async with starting(*scene.arguments(*command)) as running:
            await until(lambda: is_writing(running.process.pid, scene.report_file))
            done = await running.stopped_by(signal.SIGTERM, within=SOON)
    finally:
        os.close(reader)
        os.close(writer)
    assert filled > 0
    assert (done.code, done.complaints) == (143, []), done.err
    assert "has no reader" in done.err


def fill(pipe: int) -> int:
    """Write to a pipe until it is full; return the number of bytes."""
    count = 0
    while True:
        try:
            count += os.write(pipe, bytes(4096))
        except BlockingIOError:
            return count


def is_writing(pid: int, path: Path) -> bool:
    """Whether a process has a file open; meanwhile it may close others."""
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if each.samefile(path):
                return True
    return False


@pytest.mark.parametrize(
    ("answers", "code", "paths"),
    [(0, 143, [b"/check/start", b"/check/143"]), (1, 0, [b"/check/start", b"/check"])],
    ids=["before the run", "after the run"],
)
async def test_while_the_health_check_does_not_answer(
    scene: Scene, answers: int, code: int, paths: list[bytes]
) -> None:
    """A run that is over keeps its exit code."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).split()[1])
        if len(asked) <= answers:
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        else:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/check"
        async with starting(*scene.arguments("sync"), "--ping", address) as running:
            await until(lambda: len(asked) == answers + 1)
            done = await running.stopped_by(signal.SIGTERM, within=SOON)
    assert (done.code, done.complaints, asked) == (code, [], paths), done.err
