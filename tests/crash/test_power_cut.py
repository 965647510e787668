"""A power cut leaves either nothing or the whole file under a final name, and a usable ledger.

POWER_CUTS=60 is the long version, POWER_SEED sets another seed. ext4 is shut down without flushing its memory, and
mounted again.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bds_async.ledger import Delivery, Ledger
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.crash.crashed_folder import Folder, truth_of
from tests.support.builders import a_data_set, an_extract
from tests.support.commands import Running, starting, until
from tests.support.disks import Disk, on_a_device
from tests.support.places import ledger_path, prepared

CUTS = int(os.environ.get("POWER_CUTS", "4"))
SEED = int(os.environ.get("POWER_SEED", "5"))
MOST_CUTS_A_FOLDER = 5


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with on_a_device(tmp_path / "device", 128_000_000) as found:
        yield found


class Outages:
    """Runs of one pull that end in a power cut."""

    def __init__(self, sandbox: Sandbox, disk: Disk, home: Path, arguments: tuple[object, ...]) -> None:
        self.where: Counter[str] = Counter()
        self._sandbox = sandbox
        self._disk = disk
        self._home = home
        self._arguments = arguments
        self._truth = truth_of(sandbox, arguments)
        self._chance = random.Random(f"{SEED} {arguments}")

    async def run(self, cuts: int) -> None:
        await asyncio.to_thread(lambda: self._truth.bytes)
        while self.where.total() < cuts:
            folder = Folder(self._disk.path / f"to-{self.where.total()}", self._truth)
            for _ in range(min(self._chance.randint(1, MOST_CUTS_A_FOLDER), cuts - self.where.total())):
                await self._cut(folder)
            await self._finish(folder)
            await asyncio.to_thread(shutil.rmtree, folder.path)

    def _pulling(self, folder: Folder):
        config = self._home / "config.json"
        self._sandbox.write_config(config)
        return starting("pull", "--config", config, "--to", folder.path, *self._arguments)

    async def _cut(self, folder: Folder) -> None:
        known = folder.published_objects
        async with self._pulling(folder) as running:
            await self._moment(folder, running)
            running.signal(signal.SIGKILL)
            done = await running.ends()
        assert done.code in (0, -9), done.err
        await asyncio.to_thread(self._disk.cut_power)
        # Files whose names were on the disk keep them; files that this run named and had not reported yet may be lost.
        await asyncio.to_thread(folder.look)
        assert known <= folder.published_objects
        self.where[await asyncio.to_thread(folder.state)] += 1

    async def _moment(self, folder: Folder, running: Running) -> None:
        """Wait a while after the first bytes; at times flush some or all memory, as the system does by itself."""
        moved = self._sandbox.counters.body_bytes
        await until(lambda: running.process.returncode is not None or self._sandbox.counters.body_bytes > moved)
        await asyncio.sleep(self._chance.uniform(0, 0.8))
        habit = self._chance.choice(("nothing", "everything", "records"))
        if habit == "everything":
            await asyncio.to_thread(self._disk.write_out)
        elif habit == "records":
            await asyncio.to_thread(written_out, folder.path / ".bds-async" / "partial")
        await asyncio.sleep(self._chance.uniform(0, 0.05))

    async def _finish(self, folder: Folder) -> None:
        known, asked = folder.published_objects, len(self._sandbox.requests)
        async with self._pulling(folder) as running:
            done = await running.ends()
        assert (done.code, done.complaints) == (0, []), done.err
        await asyncio.to_thread(folder.look)
        new = list(self._sandbox.requests)[asked:]
        assert not {seen.path for seen in new if seen.kind == "storage"} & known
        folder.whole()


def written_out(folder: Path) -> None:
    """Flush the records of the received ranges to the disk, but leave the ranges themselves in memory."""
    for path in folder.glob("*.ranges"):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue  # the extract was published meanwhile
        os.fsync(descriptor)
        os.close(descriptor)


@pytest.mark.crash
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("arguments", [("--workers", 8), ("--as", "csv", "--workers", 8)])
async def test_whatever_the_moment_of_the_cut(disk: Disk, tmp_path: Path, arguments: tuple[object, ...]) -> None:
    """Every final name has its whole file, the ledger opens, and the next run continues from there."""
    settings = SandboxSettings(data_sets=8, scale=0.1, latency=0.005, bandwidth=1_500_000, huge_bytes=3_000_000)
    async with Sandbox(settings) as sandbox:
        outages = Outages(sandbox, disk, tmp_path, arguments)
        await outages.run(max(1, CUTS // 2))
    print(f"\n{arguments}: {outages.where.total()} power cuts, which fell {dict(outages.where.most_common())}")


@pytest.mark.crash
def test_what_the_ledger_has_committed_is_not_rolled_back(disk: Disk) -> None:
    """After the transaction nothing else is flushed, since that could also flush its end by chance."""
    prepared(disk.to)
    with Ledger.open(ledger_path(disk.to), "https://school.example") as ledger:
        ledger.folders.folder_for(a_data_set())
        disk.write_out()
        ledger.deliveries.record(Delivery.of(an_extract(), "UserEnrollments"))
    disk.cut_power()
    with Ledger.read(ledger_path(disk.to)) as ledger:
        assert ledger.deliveries.delivered(an_extract().identity) is not None
