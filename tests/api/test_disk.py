"""Disks that are full, become read-only or vanish while the real command runs: exit 6, and nothing is lost."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.support.commands import Done, Running, bds, starting, until
from tests.support.disks import Disk, in_memory, on_a_device

#: The unit of the sizes of disks and extracts, in bytes.
UNIT = 500_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with in_memory(tmp_path / "disk", 4 * UNIT) as found:
        yield found


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Disk]:
    with on_a_device(tmp_path / "device", 64 * UNIT) as found:
        yield found


class Scene:
    """A sandbox with one huge extract among small ones, and a config and a report outside the disk that fails."""

    def __init__(self, sandbox: Sandbox, home: Path, to: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.to = to
        sandbox.write_config(home / "config.json")

    def arguments(self, *more: object) -> list[object]:
        report = self.home / "run.json"
        return ["pull", "--config", self.home / "config.json", "--to", self.to, "--report", report, *more]

    async def pull(self, *more: object) -> Done:
        return await bds(*self.arguments(*more))

    def pulling(self, *more: object) -> Any:
        return starting(*self.arguments(*more))

    def report(self) -> dict[str, Any]:
        return json.loads((self.home / "run.json").read_text("utf-8"))

    def token_lives(self) -> bool:
        return self.sandbox.is_live(json.loads((self.home / "config.json").read_text())["refresh_token"])

    def published(self) -> dict[str, str]:
        """Every file under a final name, and its SHA-256."""
        found = [path for path in self.to.rglob("*_full_*") if ".bds-async" not in path.parts]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def truth(self) -> list[str]:
        return sorted(each.newest_full.sha256 for each in self.sandbox.catalogue())

    def ledger_is_intact(self) -> bool:
        """Whether it is sound and knows every published file, as an intent if there was no space to mark it done."""
        ledger = sqlite3.connect(self.to / ".bds-async" / "ledger.sqlite3")
        try:
            rows = list(ledger.execute("SELECT path, sha256, state FROM extracts"))
            intact = ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            ledger.close()
        known = {Path(path).name: sha256 for path, sha256, _ in rows}
        done = {Path(path).name for path, _, state in rows if state == "done"}
        there = self.published()
        return intact and done <= there.keys() and there.items() <= known.items()

    def data_sets(self, published: Iterable[str]) -> set[str]:
        """The data sets of these files."""
        folders = {name.partition("_")[0] for name in published}
        return {each.name for each in self.sandbox.catalogue() if each.name.replace(" ", "") in folders}

    async def finish(self) -> None:
        """Check that the next run fetches the rest, and nothing that was published."""
        before, self.sandbox.counters.body_bytes = self.published(), 0
        self.sandbox.play()
        self.sandbox.requests.clear()
        done = await self.pull()
        assert (done.code, done.complaints) == (0, []), done.err
        assert self.published().items() >= before.items()
        assert sorted(self.published().values()) == self.truth()
        assert list((self.to / ".bds-async" / "partial").iterdir()) == []
        fetched = {seen.data_set for seen in self.sandbox.requests if seen.body_bytes and seen.bds_type == "Full"}
        assert fetched.isdisjoint(self.data_sets(before))


def is_about_the_disk(done: Done, words: str) -> bool:
    """Whether it ended with exit code 6, one error with these words, and nothing meant for developers."""
    errors = [line for line in done.err.splitlines() if line.startswith("bds-async: error:")]
    return done.code == 6 and done.complaints == [] and len(errors) == 1 and words in errors[0]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01, huge_bytes=8 * UNIT)) as running:
        yield running


async def test_a_file_that_has_no_room_is_not_begun(sandbox: Sandbox, disk: Disk, tmp_path: Path) -> None:
    scene = Scene(sandbox, tmp_path, disk.to)
    done = await scene.pull("--workers", 1)
    assert is_about_the_disk(done, "No room for Sandbox Huge")
    assert sum(path.stat().st_size for path in (disk.to / ".bds-async" / "partial").glob("*.part")) == 0
    assert (scene.report()["exit_code"], scene.token_lives()) == (6, True)
    assert scene.ledger_is_intact()
    disk.resize(40 * UNIT)
    await scene.finish()


async def test_a_plan_that_has_no_room_is_warned_of_and_one_that_has_is_not(
    sandbox: Sandbox, disk: Disk, tmp_path: Path
) -> None:
    scene = Scene(sandbox, tmp_path, disk.to)
    assert "bytes are listed to be fetched" in (await scene.pull()).err
    disk.resize(40 * UNIT)
    assert "bytes are listed to be fetched" not in (await scene.pull()).err


async def test_a_listing_that_exaggerates_is_warned_of_and_fetched_all_the_same(
    sandbox: Sandbox, disk: Disk, tmp_path: Path
) -> None:
    """Only the length in the answer itself decides."""
    scene = Scene(sandbox, tmp_path, disk.to)
    sandbox.play(Fault.of("wrong_size", factor=10_000, on="extracts"))
    done = await scene.pull("--exclude", "Sandbox Huge")
    assert "bytes are listed to be fetched" in done.err
    assert (done.code, len(scene.published())) == (0, 3)


@pytest.mark.parametrize("declared", ["chunked", "close"])
async def test_a_body_of_unknown_length_fills_the_disk(
    sandbox: Sandbox, disk: Disk, tmp_path: Path, declared: str
) -> None:
    """Its length is nowhere stated beforehand. The received bytes stay, and are not fetched again."""
    scene = Scene(sandbox, tmp_path, disk.to)
    sandbox.play(
        Fault.of("length", declared=declared, data_set="Sandbox Huge"),
        Fault.of("set_field", field="DownloadSize", value=None, on="extracts", data_set="Sandbox Huge"),
    )
    done = await scene.pull()
    assert is_about_the_disk(done, "full")
    assert scene.ledger_is_intact()
    assert scene.token_lives()
    held = sum(path.stat().st_size for path in (disk.to / ".bds-async" / "partial").glob("*.part"))
    assert held > UNIT
    disk.resize(40 * UNIT)
    await scene.finish()
    assert sandbox.counters.body_bytes < 8 * UNIT


async def test_files_that_have_room_one_by_one_and_not_together(disk: Disk, tmp_path: Path) -> None:
    room, ledger = 3 * UNIT, UNIT
    async with Sandbox(SandboxSettings(data_sets=14, scale=0.12, bandwidth=UNIT)) as sandbox:
        disk.resize(room)
        scene = Scene(sandbox, tmp_path, disk.to)
        sizes = [each.newest_full.size for each in sandbox.catalogue() if each.newest_full is not None]
        assert max(sizes) < room - ledger < room < sum(sizes)
        done = await scene.pull("--workers", 14)
        assert done.code == 6
        assert done.complaints == []
        assert scene.ledger_is_intact()
        assert scene.token_lives()
        disk.resize(60 * UNIT)
        await scene.finish()


async def test_csvs_that_have_no_room(disk: Disk, tmp_path: Path) -> None:
    """A member that would never fit fails its extract; one that finds the disk full stops the run."""
    async with Sandbox(SandboxSettings(data_sets=9, scale=0.03)) as sandbox:
        disk.resize(2 * UNIT)
        scene = Scene(sandbox, tmp_path, disk.to)
        done = await scene.pull("--as", "csv")
        assert done.code in (3, 6)
        assert done.complaints == []
        assert scene.ledger_is_intact()
        disk.resize(90 * UNIT)
        assert (await scene.pull("--as", "csv")).code == 0
        assert len(scene.published()) == 9


async def test_a_csv_that_a_killed_run_left_does_not_stand_in_its_own_way(disk: Disk, tmp_path: Path) -> None:
    """It occupies the space that its own extract needs."""
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.5)) as sandbox:
        scene = Scene(sandbox, tmp_path, disk.to)
        sandbox.play(Fault.of("status", status=404, on="download"))
        assert (await scene.pull("--as", "csv")).code == 3
        sandbox.play()
        (disk.to / ".bds-async" / "partial" / f"{'0' * 32}.csv").write_bytes(b"x" * (disk.free - 100_000))
        done = await scene.pull("--as", "csv")
        assert (done.code, len(scene.published())) == (0, 1), done.err


async def test_a_disk_that_is_full_before_the_first_run(sandbox: Sandbox, disk: Disk, tmp_path: Path) -> None:
    scene = Scene(sandbox, tmp_path, disk.to)
    disk.fill()
    done = await scene.pull()
    assert is_about_the_disk(done, str(disk.to))
    assert sandbox.counters.exchanges == 0
    disk.make_room()
    disk.resize(40 * UNIT)
    await scene.finish()


@pytest.mark.parametrize("leave", [4096, 16384, 40960, 98304])
async def test_a_disk_that_is_full_at_any_step_of_the_way(
    sandbox: Sandbox, disk: Disk, tmp_path: Path, leave: int
) -> None:
    """While creating a folder, the ledger's pages or journal, a partial file, its record, a final name."""
    scene = Scene(sandbox, tmp_path, disk.to)
    disk.fill(leave)
    done = await scene.pull("--workers", 1)
    assert is_about_the_disk(done, "")
    assert scene.token_lives()
    disk.make_room()
    disk.resize(40 * UNIT)
    await scene.finish()
    assert scene.ledger_is_intact()


async def test_a_folder_that_was_read_only_all_along(sandbox: Sandbox, device: Disk, tmp_path: Path) -> None:
    scene = Scene(sandbox, tmp_path, device.to)
    device.make_read_only()
    assert is_about_the_disk(await scene.pull(), "cannot be written: change its permissions or mount it read-write")
    assert sandbox.counters.exchanges == 0


@pytest.mark.parametrize("units", [1, 6])
async def test_a_disk_that_becomes_read_only_in_the_middle(
    slow: Sandbox, device: Disk, tmp_path: Path, units: int
) -> None:
    """As the kernel makes it when a disk fails. What was written stays, for a run on the repaired disk."""
    scene = Scene(slow, tmp_path, device.to)
    async with scene.pulling() as running:
        await until(lambda: slow.counters.body_bytes > units * UNIT)
        device.make_read_only()
        done = await running.ends()
    assert done.code == 6
    assert done.complaints == []
    assert "cannot be written" in done.err
    assert scene.token_lives()
    assert scene.report()["exit_code"] == 6
    shutil.copytree(device.to, tmp_path / "mended")
    scene.to = tmp_path / "mended"
    await scene.finish()
    assert scene.ledger_is_intact()


@pytest.fixture
async def slow() -> AsyncIterator[Sandbox]:
    slowly = Fault.of("trickle", rate=2 * UNIT)
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01, huge_bytes=8 * UNIT, faults=(slowly,))) as running:
        yield running


async def test_a_folder_that_is_removed_in_the_middle(slow: Sandbox, tmp_path: Path) -> None:
    scene = Scene(slow, tmp_path, tmp_path / "to")
    async with scene.pulling() as running:
        await in_the_middle(slow, running)
        shutil.rmtree(scene.to)
        done = await running.ends()
    assert is_about_the_disk(done, "")
    assert scene.token_lives()
    assert scene.report()["exit_code"] == 6
    assert not scene.to.exists()
    await scene.finish()


async def in_the_middle(sandbox: Sandbox, running: Running) -> None:
    """Wait until the huge extract is in transfer and the small ones are published."""
    await until(lambda: sandbox.counters.body_bytes > 3 * UNIT or running.process.returncode is not None)


async def test_a_disk_that_is_taken_away_in_the_middle(slow: Sandbox, disk: Disk, tmp_path: Path) -> None:
    """Nothing is written into the folder on which it was mounted."""
    disk.resize(40 * UNIT)
    scene = Scene(slow, tmp_path, disk.to)
    async with scene.pulling() as running:
        await in_the_middle(slow, running)
        disk.take_away()
        done = await running.ends()
    assert is_about_the_disk(done, "")
    assert scene.token_lives()
    assert list(disk.path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of another process")
async def test_a_file_system_that_takes_no_large_files(slow: Sandbox, tmp_path: Path) -> None:
    """As FAT32 beyond 4 GiB; here by a limit of the process."""
    import resource

    scene = Scene(slow, tmp_path, tmp_path / "to")
    async with scene.pulling() as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (4 * UNIT, 4 * UNIT))
        done = await running.ends()
    assert is_about_the_disk(done, "takes no files of that size")
    assert scene.ledger_is_intact()
    await scene.finish()


async def test_verify_says_so_as_well(sandbox: Sandbox, disk: Disk, tmp_path: Path) -> None:
    """A vanished disk does not pass for a folder whose files a loader took."""
    disk.resize(40 * UNIT)
    scene = Scene(sandbox, tmp_path, disk.to)
    await scene.pull("--exclude", "Sandbox Huge")
    disk.take_away()
    done = await bds("verify", "--to", disk.to)
    assert (done.code, done.out) == (6, "")


async def test_repair_without_room_leaves_the_file_as_it_is(sandbox: Sandbox, disk: Disk, tmp_path: Path) -> None:
    disk.resize(12 * UNIT)
    scene = Scene(sandbox, tmp_path, disk.to)
    await scene.pull()
    (huge,) = disk.to.glob("SandboxHuge/full/*.zip")
    huge.write_bytes(huge.read_bytes()[:-1])
    before = scene.published()
    done = await bds("verify", "--to", disk.to, "--repair", "--config", tmp_path / "config.json")
    assert is_about_the_disk(done, "No room for Sandbox Huge")
    assert scene.published() == before
