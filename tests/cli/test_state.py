"""`--state`: the ledger, partial files and the lock in a separate folder, also on another file system."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.destination.test_destination import other_file_system
from tests.support.commands import Done, bds, starting, until
from tests.support.paused import Pause

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


class Scene:
    """A sandbox, and commands that work on a destination with its state elsewhere."""

    def __init__(self, sandbox: Sandbox, home: Path, state: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.to = home / "to"
        self.state = state
        sandbox.write_config(home / "config.json")

    async def run(self, *command: object, to: Path | None = None, state: Path | None = None) -> Done:
        return await bds(*self.arguments(*command, to=to, state=state))

    def arguments(self, *command: object, to: Path | None = None, state: Path | None = None) -> list[object]:
        places = ("--to", to or self.to, "--state", state or self.state)
        return [*command, "--config", self.home / "config.json", *places]

    @property
    def files(self) -> set[str]:
        """Everything in the destination."""
        return {path.relative_to(self.to).as_posix() for path in self.to.rglob("*") if path.is_file()}

    @property
    def kept(self) -> set[str]:
        """Everything in the state folder except the lock."""
        return {path.name for path in self.state.iterdir()} - {"lock"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=2, scale=0.01)) as found:
        yield found


@pytest.fixture
def scene(sandbox: Sandbox, tmp_path: Path) -> Scene:
    return Scene(sandbox, tmp_path, tmp_path / "state")


@pytest.fixture
def apart(sandbox: Sandbox, tmp_path: Path) -> Iterator[Scene]:
    """The state is on another file system."""
    with other_file_system(tmp_path) as folder:
        yield Scene(sandbox, tmp_path, folder / "state")


async def test_the_destination_holds_published_files_alone(scene: Scene) -> None:
    assert (await scene.run("pull")).code == 0
    assert {path.count("/") for path in scene.files} == {2}
    assert len(scene.files) == 2
    assert scene.kept == {"ledger.sqlite3", "partial", "destination"}
    again = await scene.run("pull")
    assert (again.code, len(scene.files)) == (0, 2)
    assert "2 extracts already there" in again.err


#: Every command that takes --state, after a pull.
COMMANDS = (
    *("sync", "pull --dry-run", "sync --dry-run", "verify", "verify --repair", "schema", "doctor"),
    *("ledger show", "ledger export", "ledger rebuild", "ledger mark --data-set *", "ledger unpin --data-set *"),
    "ledger unmark --data-set *",
)


async def test_every_command_finds_it_and_makes_no_other(scene: Scene) -> None:
    await scene.run("pull")
    for command in COMMANDS:
        done = await scene.run(*command.split())
        assert (done.code, done.complaints) == (0, []), (command, done.err)
        assert not (scene.to / ".bds-async").exists(), command


async def test_the_lock_is_in_the_state_folder(scene: Scene) -> None:
    await scene.run("pull")
    with FileLock(scene.state / "lock"):
        assert (await scene.run("pull")).code == 75


async def test_a_lost_state_is_made_again_of_the_files(scene: Scene) -> None:
    """A sync then delivers nothing that is already there."""
    await scene.run("pull", "--type", "all")
    before = scene.files
    shutil.rmtree(scene.state)
    assert (await scene.run("ledger", "rebuild")).code == 0
    moved = scene.sandbox.counters.body_bytes
    assert (await scene.run("pull", "--type", "all")).code == 0
    assert (scene.files, scene.sandbox.counters.body_bytes) == (before, moved)


@pytest.mark.parametrize("command", ["pull", "sync", "verify"])
async def test_what_is_refused_is_exit_code_2_before_a_token_is_spent(scene: Scene, command: str) -> None:
    await scene.run("pull", to=scene.home / "one", state=scene.home / "state")
    (scene.home / "two").mkdir()
    (scene.home / "default" / ".bds-async").mkdir(parents=True)
    (scene.home / "default" / ".bds-async" / "ledger.sqlite3").write_bytes(b"")
    exchanges = scene.sandbox.counters.exchanges
    for to, state, words in (
        ("to", "to/state", "lies inside the destination"),
        ("state/to", "state", "lies inside the state folder"),
        ("two", "state", "belongs to the destination"),
        ("default", "state", "--state names"),
    ):
        done = await scene.run(command, to=scene.home / to, state=scene.home / state)
        assert (done.code, done.complaints) == (2, []), words
        assert words in done.err
        assert len(done.err.splitlines()) <= 2
        assert scene.sandbox.counters.exchanges == exchanges, words


async def test_a_state_of_another_tenant_is_exit_code_2(scene: Scene) -> None:
    await scene.run("pull")
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01)) as other:
        other.write_config(scene.home / "other.json")
        places = ("--to", scene.to, "--state", scene.state)
        assert (await bds("pull", "--config", scene.home / "other.json", *places)).code == 2


class TestOtherFileSystem:
    @pytest.mark.parametrize("published_as", ["zip", "csv"])
    async def test_everything_arrives_and_no_copy_is_left(self, apart: Scene, published_as: str) -> None:
        report = apart.home / "run.json"
        done = await apart.run("pull", "--as", published_as, "--report", report)
        assert done.code == 0, done.err
        outcomes = json.loads(report.read_text("utf-8"))["extracts"]
        assert apart.files == {each["path"] for each in outcomes}
        assert {each["status"] for each in outcomes} == {"downloaded"}
        assert list((apart.state / "partial").iterdir()) == []
        assert (await apart.run("verify")).code == 0

    @posix_only
    @pytest.mark.parametrize(
        "place",
        [
            "shutil:copyfileobj",
            "bds_async.support.durable:fsync_file",
            "bds_async.destination.local:ensure_room",
            "bds_async.destination.publishing:clear_away",
        ],
    )
    async def test_a_killed_run_is_finished_by_the_next_one(self, apart: Scene, tmp_path: Path, place: str) -> None:
        """An extract that has arrived is not fetched again, and no copy is left."""
        pause = Pause(tmp_path / "pause", place)
        async with starting(*apart.arguments("pull", "--workers", 1), cwd=None, **pause.environ) as running:
            await until(lambda: pause.is_reached)
            copies = [path for path in apart.to.iterdir() if path.name.startswith(".bds-async-tmp-")]
            await running.stopped_by(signal.SIGKILL)
        first = next(seen.data_set for seen in apart.sandbox.requests if seen.kind == "storage")
        assert bool(copies) is (place == "shutil:copyfileobj")
        done = await apart.run("pull")
        assert (done.code, done.complaints) == (0, []), done.err
        assert len(apart.files) == 2
        assert not any(name.startswith(".bds-async-tmp-") for name in apart.files)
        assert (await apart.run("verify")).code == 0
        assert [seen.data_set for seen in apart.sandbox.requests if seen.kind == "storage"].count(first) == 1

    async def test_a_signal_stops_it_in_order(self, apart: Scene, tmp_path: Path) -> None:
        pause = Pause(tmp_path / "pause", "shutil:copyfileobj")
        async with starting(*apart.arguments("pull"), cwd=None, **pause.environ) as running:
            await until(lambda: pause.is_reached)
            running.signal(signal.SIGTERM)
            pause.end()
            done = await running.ends()
        assert (done.code, done.complaints) == (143, [])
        assert not any(path.name.startswith(".bds-async-tmp-") for path in apart.to.iterdir())
