"""`bds-async sync --mirror`: its options, what it prints, its files, and how a signal ends it while it applies."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import pytest

from bds_async.sandbox import HardDelete, Sandbox, SandboxSettings
from tests.support.commands import Done, Running, bds, starting
from tests.support.machine import checked, checked_lines
from tests.support.mirror_places import Place, PostgreSQLPlace
from tests.support.scheduled import DAY, NOW

#: Seconds within which a stopped command must end; the promise is 2, on a machine that is not busy.
SOON = 8.0
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


class Scene:
    """A folder, the config of a sandbox, and the arguments of a sync."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.report_file = home / "run.json"
        sandbox.write_config(home / "config.json")

    def arguments(self, *more: object) -> list[object]:
        common = ["--config", self.home / "config.json", "--to", self.home / "to", "--report", self.report_file]
        return ["sync", *common, *more]

    async def sync(self, *more: object, **environ: str) -> Done:
        return await bds(*self.arguments(*more), cwd=self.home, **environ)

    def report(self) -> dict[str, Any]:
        return checked("run-report", json.loads(self.report_file.read_text("utf-8")))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene with one data set, since the database takes 50 ms for each extract."""
    purge = HardDelete(NOW + 2 * DAY, 0.3, "Users")
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01, now=NOW, hard_deletes=(purge,))) as sandbox:
        yield Scene(sandbox, tmp_path)


@pytest.fixture
async def several(tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene with three data sets, with enough extracts that a signal comes before the last one is applied."""
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.02, now=NOW)) as sandbox:
        yield Scene(sandbox, tmp_path)


def users(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM bds.users").fetchall()
        return int(count)


async def test_the_summary_names_the_mirror_and_what_a_full_corrected(scene: Scene) -> None:
    first = await scene.sync("--mirror", "duckdb:mirror.duckdb")
    assert first.code == 0, first.err
    assert "to 1 table of duckdb:mirror.duckdb." in first.err
    assert "Fulls corrected" not in first.err
    scene.sandbox.advance(7 * DAY)
    held = await scene.sync("--mirror", "duckdb:mirror.duckdb")
    assert held.code == 3
    assert "allow it with --delete-limit" in held.err
    allowed = await scene.sync("--mirror", "duckdb:mirror.duckdb", "--delete-limit", "50")
    assert allowed.code == 0, allowed.err
    assert "Fulls corrected" in allowed.err
    assert re.search(r": nothing new to download; the mirror took \d+\.\d s\.$", allowed.err, re.MULTILINE)
    before = users(scene.home / "mirror.duckdb")
    mirrored = scene.report()["mirror"]
    assert mirrored["target"] == "duckdb:mirror.duckdb"
    assert before == len(scene.sandbox.catalogue()[0].rows_at(NOW + 7 * DAY))


async def test_the_metrics_have_the_mirror_and_keep_its_moments(several: Scene) -> None:
    textfile = several.home / "bds.prom"
    first = await several.sync("--mirror", "duckdb:mirror.duckdb", "--metrics", textfile)
    assert (first.code, "to 3 tables of duckdb:mirror.duckdb." in first.err) == (0, True)
    text = textfile.read_text("utf-8")
    tables = several.report()["mirror"]["tables"]
    assert f"bds_async_last_run_mirror_extracts {sum(table['applied'] for table in tables)}\n" in text
    moments = [line for line in text.splitlines() if line.startswith("bds_async_mirror_complete_through")]
    assert [line.split('"')[1] for line in moments] == [table["table"] for table in tables]
    several.sandbox.advance(DAY)
    with duckdb.connect(str(several.home / "mirror.duckdb")):
        busy = await several.sync("--mirror", "duckdb:mirror.duckdb", "--metrics", textfile)
    assert busy.code == 75
    after = textfile.read_text("utf-8")
    assert set(moments) <= set(after.splitlines())
    assert "bds_async_last_exit_code 75\n" in after


async def test_log_lines_are_events_of_the_documented_format(scene: Scene) -> None:
    done = await scene.sync("--mirror", "duckdb:mirror.duckdb", "-v", "--log-format", "json")
    events = [line["event"] for line in checked_lines("log", done.err)]
    assert events.index("mirror.planned") < events.index("mirror.applied") < events.index("mirror.finished")


async def test_the_environment_alone_starts_no_mirror(scene: Scene) -> None:
    done = await scene.sync(BDS_MIRROR="duckdb:mirror.duckdb")
    assert done.code == 0
    assert scene.report()["mirror"] is None
    assert not (scene.home / "mirror.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--mirror", "duckdb:x", "--as", "parquet"], "Parquet"),
        (["--mirror", ""], "neither duckdb:PATH nor postgresql://"),
        (["--mirror", "postgresql://me:hush@127.0.0.1/x"], "--mirror holds a password"),
        (["--mirror", "duckdb:bds.duckdb"], "and its schema have one name"),
        (["--mirror", "duckdb:x", "--delete-limit", "101"], "--delete-limit"),
        (["--delete-limit", "30"], "--delete-limit needs --mirror"),
        (["--mirror-schema", "x"], "--mirror-schema needs --mirror"),
    ],
)
async def test_what_cannot_work_is_exit_2_before_anything_is_asked(
    scene: Scene, arguments: list[str], word: str
) -> None:
    done = await scene.sync(*arguments)
    assert (done.code, word in done.err) == (2, True), done.err
    assert "hush" not in done.err + done.out
    assert len(scene.sandbox.requests) == 0


async def test_a_file_that_is_no_database_is_6_before_anything_is_asked(scene: Scene) -> None:
    (scene.home / "plain.json").write_text('{"a":1}\n', "utf-8")
    done = await scene.sync("--mirror", "duckdb:plain.json")
    assert (done.code, "plain.json cannot be opened" in done.err) == (6, True), done.err
    assert len(scene.sandbox.requests) == 0


async def test_a_password_in_the_environment_is_in_no_output_and_no_report(scene: Scene, postgresql: str) -> None:
    address, place = postgresql, PostgreSQLPlace(postgresql, "bds_environment")
    secret = address.replace("mirror@", "mirror:hush%21@")
    done = await scene.sync("-v", "--mirror", address, "--mirror-schema", place.schema, BDS_MIRROR=secret)
    await place.drop()
    assert done.code == 0, done.err
    assert "hush" not in done.err + done.out + scene.report_file.read_text("utf-8")


def into(place: Place) -> list[str]:
    return ["--mirror", place.into, "--mirror-schema", place.schema]


async def rows_in(place: Place, table: str) -> int:
    ((count,),) = (row.values() for row in await place.fetch(f'SELECT count(*) FROM "{place.schema}".{table}'))
    return int(count)


async def line_with(running: Running, word: bytes) -> None:
    """Wait for a line on stderr."""
    assert running.process.stderr is not None
    async with asyncio.timeout(60):
        while word not in (line := await running.process.stderr.readline()):
            assert line, "the command has ended"


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_while_it_applies_and_the_next_run_goes_on(
    several: Scene, place: Place, number: signal.Signals
) -> None:
    async with starting(*several.arguments("-v", *into(place)), cwd=several.home) as running:
        await line_with(running, b" inserted, ")
        done = await running.stopped_by(number, within=SOON)
    assert (done.code, done.complaints) == (128 + number, []), done.err
    mirrored = several.report()["mirror"]
    stopped = sum(table["applied"] for table in mirrored["tables"])
    assert mirrored["error"].startswith("Stopped by SIG")
    assert re.search(rf"{stopped} of \d+ extracts applied to .*; the next run applies the rest\.", done.err)
    assert (await several.sync(*into(place))).code == 0
    rest = sum(table["applied"] for table in several.report()["mirror"]["tables"])
    ((applied,),) = (row.values() for row in await place.fetch(f'SELECT count(*) FROM "{place.schema}"._bds_applied'))
    assert 0 < stopped < applied == stopped + rest
    assert await rows_in(place, "users") == len(several.sandbox.catalogue()[0].rows_at(NOW))


@POSIX
async def test_a_signal_ends_it_while_another_session_locks_a_table(scene: Scene, postgresql: str) -> None:
    place = PostgreSQLPlace(postgresql, "bds_locked")
    assert (await scene.sync(*into(place))).code == 0
    scene.sandbox.advance(DAY)
    holder = await asyncpg.connect(postgresql)
    watcher = await asyncpg.connect(postgresql)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    try:
        async with holder.transaction():
            await holder.execute(f"LOCK TABLE {place.schema}.users IN ACCESS EXCLUSIVE MODE")
            async with starting(*scene.arguments(*into(place)), cwd=scene.home) as running:
                async with asyncio.timeout(60):
                    while not await watcher.fetchval(waiting):  # noqa: ASYNC110 - seen from outside alone
                        await asyncio.sleep(0.05)
                done = await running.stopped_by(signal.SIGTERM, within=SOON)
        assert (done.code, done.complaints) == (143, []), done.err
        assert (await scene.sync(*into(place))).code == 0
    finally:
        await holder.close()
        await watcher.close()
        await place.drop()
