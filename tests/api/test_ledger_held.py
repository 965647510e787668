"""A ledger that another program holds: a run waits for it, but not for ever, and a stopped run does not wait."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import pytest

from bds_async.destination import LocalFolder
from bds_async.errors import LedgerBusy
from bds_async.ledger import Delivery, Ledger, opened
from bds_async.models import DataSet, Plugin
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.support.patience import HURRIED, Patience
from bds_async.workspace.file_names import published_files
from tests.support.commands import Running, starting, until
from tests.support.paused import Pause
from tests.support.places import ledger_path, prepared
from tests.support.sync_world import full

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
TENANT = "https://school.example"
USERS = DataSet("schema-1", Plugin("full-1", "Users"), None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path)
    return tmp_path


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(ledger_path(folder), TENANT) as found:
        yield found


def deliver(ledger: Ledger) -> None:
    ledger.deliveries.record(Delivery.of(full(0), ledger.folders.folder_for(USERS)))


@pytest.fixture
def holder(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the ledger."""
    Ledger.open(ledger_path(folder), TENANT).close()
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as connection:
        yield connection


def test_a_database_that_is_held_for_too_long_is_busy(folder: Path, holder: sqlite3.Connection) -> None:
    with Ledger.open(ledger_path(folder), TENANT, Patience(0.05)) as ledger:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerBusy, match="Another program holds") as caught:
            deliver(ledger)
        assert caught.value.exit_code == 75
        holder.execute("ROLLBACK")
        deliver(ledger)


def test_after_a_wait_in_vain_the_next_ones_are_short(folder: Path, holder: sqlite3.Connection) -> None:
    """The run is ending by then, and needs the ledger a few more times."""
    with Ledger.open(ledger_path(folder), TENANT, Patience(HURRIED + 0.1)) as ledger:
        holder.execute("BEGIN EXCLUSIVE")
        taken = []
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(LedgerBusy):
                ledger.deliveries.totals()
            taken.append(time.monotonic() - began)
    assert taken[0] > HURRIED + 0.1
    assert HURRIED < taken[1] < 4 * HURRIED
    assert taken[2] < HURRIED


def test_a_wait_under_way_is_cut_short(folder: Path, holder: sqlite3.Connection) -> None:
    """From another thread, as when a run is stopped; the waiting statement writes nothing."""
    patience = Patience()
    with Ledger.open(ledger_path(folder), TENANT, patience) as ledger:
        holder.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.2, patience.cut).start()
        began = time.monotonic()
        with pytest.raises(LedgerBusy):
            deliver(ledger)
        assert time.monotonic() - began < 10
        holder.execute("ROLLBACK")
        assert ledger.deliveries.delivered(full(0).identity) is None


def test_a_reader_that_goes_lets_what_was_to_be_written_be_committed(ledger: Ledger, folder: Path) -> None:
    """Beside a reader only the commit fails, and it is retried."""
    reading = sqlite3.connect(ledger_path(folder), isolation_level=None, check_same_thread=False)
    reading.execute("BEGIN")
    reading.execute("SELECT * FROM tenant").fetchall()
    threading.Timer(0.5, reading.close).start()
    deliver(ledger)
    assert ledger.deliveries.delivered(full(0).identity) is not None


async def test_opening_gives_way_to_a_cancellation(folder: Path, holder: sqlite3.Connection) -> None:
    """It does not continue in its thread afterwards, when the folder's lock may be free."""
    holder.execute("BEGIN EXCLUSIVE")
    begun, over = threading.Event(), threading.Event()

    def open_ledger(patience: Patience) -> Ledger:
        begun.set()
        try:
            return Ledger.open(ledger_path(folder), TENANT, patience)
        finally:
            over.set()

    opening = asyncio.create_task(opened(open_ledger))
    await asyncio.to_thread(begun.wait)
    opening.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert time.monotonic() - began < 10
    assert over.is_set()


async def test_a_ledger_that_opens_just_as_it_is_cancelled_is_closed(folder: Path) -> None:
    ledgers: list[Ledger] = []
    begun = threading.Event()

    def open_ledger(patience: Patience) -> Ledger:
        begun.set()
        time.sleep(0.1)
        ledgers.append(Ledger.open(ledger_path(folder), TENANT, patience))
        return ledgers[0]

    opening = asyncio.create_task(opened(open_ledger))
    await asyncio.to_thread(begun.wait)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        ledgers[0].deliveries.totals()


def test_a_short_wait_for_a_reader_is_no_fault(ledger: Ledger, folder: Path) -> None:
    holder = sqlite3.connect(ledger_path(folder), isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.2, holder.close).start()
    deliver(ledger)
    assert ledger.deliveries.delivered(full(0).identity) is not None


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as found:
        yield found


def sync_arguments(sandbox: Sandbox, home: Path) -> list[object]:
    sandbox.write_config(home / "config.json")
    files = ("--report", home / "run.json", "--metrics", home / "m")
    return ["sync", "--config", home / "config.json", "--to", home / "to", *files]


def syncing(sandbox: Sandbox, home: Path) -> AbstractAsyncContextManager[Running]:
    return starting(*sync_arguments(sandbox, home))


@asynccontextmanager
async def waiting_to_open(home: Path, *arguments: object) -> AsyncIterator[Running]:
    """A command that holds the folder's lock and waits for the ledger, which this process holds."""
    pause = Pause(home / "pause", "bds_async.runs.context:opened")
    with closing(sqlite3.connect(ledger_path(home / "to"), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        async with starting(*arguments, cwd=None, **pause.environ) as running:
            await until(lambda: pause.is_reached)
            pause.end()
            yield running


async def stopped(running: Running, home: Path) -> str:
    """Send SIGTERM to a waiting sync and return what it prints; it must end long before the ledger is released."""
    done = await running.stopped_by(signal.SIGTERM, within=12)
    assert (done.code, done.complaints) == (143, [])
    assert "bds_async_last_exit_code 143\n" in (home / "m").read_text("utf-8")
    return done.err


@posix_only
async def test_a_run_that_waits_to_open_it_is_stopped(sandbox: Sandbox, tmp_path: Path) -> None:
    """It ends as stopped, not as one that found the ledger busy; its metrics say so."""
    prepared(tmp_path / "to")
    Ledger.open(ledger_path(tmp_path / "to"), sandbox.tenant_url).close()
    async with waiting_to_open(tmp_path, *sync_arguments(sandbox, tmp_path)) as running:
        assert "Stopped by SIGTERM" in await stopped(running, tmp_path)


@posix_only
@pytest.mark.parametrize("command", [("mark", "--data-set", "Users"), ("rebuild",)], ids=["mark", "rebuild"])
async def test_a_correction_that_waits_to_open_it_is_stopped(
    sandbox: Sandbox, tmp_path: Path, command: tuple[str, ...]
) -> None:
    sandbox.write_config(tmp_path / "config.json")
    prepared(tmp_path / "to")
    Ledger.open(ledger_path(tmp_path / "to"), sandbox.tenant_url).close()
    arguments = ("ledger", *command, "--config", tmp_path / "config.json", "--to", tmp_path / "to")
    async with waiting_to_open(tmp_path, *arguments) as running:
        done = await running.stopped_by(signal.SIGTERM, within=12)
    assert (done.code, done.complaints) == (143, [])


@posix_only
async def test_a_run_that_waits_in_the_middle_is_stopped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file whose intent could not be recorded does not get its name, and the next run delivers everything."""
    sandbox.play(Fault.of("trickle", rate=100_000))
    async with syncing(sandbox, tmp_path) as running:
        await until(lambda: any(seen.kind == "download" for seen in sandbox.requests))
        with closing(sqlite3.connect(ledger_path(tmp_path / "to"), isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            published = set(published_files(LocalFolder(tmp_path / "to").paths()))
            sandbox.play()
            await asyncio.sleep(2)
            await stopped(running, tmp_path)
    assert set(published_files(LocalFolder(tmp_path / "to").paths())) == published
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["exit_code"] == 143
    async with syncing(sandbox, tmp_path) as again:
        assert (await again.ends()).code == 0
    assert len(set(published_files(LocalFolder(tmp_path / "to").paths()))) > len(published)
