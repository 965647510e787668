"""A pull killed at any moment is finished by the next one: every file is right, nothing is fetched twice.

PULL_KILLS=200 is the long version (10 by default), PULL_SEED sets another seed; -s shows where runs were killed.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.crash.crashed_folder import Folder, truth_of
from tests.support.commands import Running, starting, until

KILLS = int(os.environ.get("PULL_KILLS", "10"))
SEED = int(os.environ.get("PULL_SEED", "4"))
#: With a third of the data sets at a third of the bandwidth, the short version has the same moments for a kill.
PART = 1 if KILLS > 10 else 3
#: After this many kills, a folder's run may continue to its end.
MOST_KILLS_A_FOLDER = 12


@dataclass(frozen=True)
class Job:
    """What is pulled, and from what; it gets `share` of all kills."""

    share: float
    arguments: tuple[object, ...]
    settings: dict[str, Any]


JOBS = {
    "fulls": Job(
        0.3, ("--workers", 8), {"data_sets": 24 // PART, "scale": 0.1, "latency": 0.01, "bandwidth": 500_000 // PART}
    ),
    "differentials too": Job(
        0.2,
        ("--type", "all", "--data-set", "User*", "--data-set", "Grade*"),
        {"data_sets": 8, "scale": 0.03, "latency": 0.005, "bandwidth": 1_000_000, "differential_retention_days": 7},
    ),
    "csv": Job(
        0.3,
        ("--as", "csv", "--workers", 8),
        {"data_sets": 24 // PART, "scale": 0.1, "latency": 0.01, "bandwidth": 700_000 // PART},
    ),
    "ranges": Job(
        0.2,
        ("--workers", 4),
        {"data_sets": 3, "scale": 0.05, "huge_bytes": 70_000_000, "bandwidth": 12_000_000},
    ),
}


class Killing:
    """Pulls one job again and again, killed at random moments, until there were enough kills."""

    def __init__(self, job: Job, sandbox: Sandbox, home: Path, chance: random.Random) -> None:
        self.where: Counter[str] = Counter()
        self.folders = self.moved = self.needed = 0
        self._job = job
        self._sandbox = sandbox
        self._truth = truth_of(sandbox, job.arguments)
        self._home = home
        self._chance = chance
        self._seconds = 1.0

    @property
    def kills(self) -> int:
        return self.where.total()

    async def run(self, kills: int) -> None:
        await asyncio.to_thread(lambda: self._truth.bytes)
        await self._measure()
        while self.kills < kills:
            await self._one_folder(kills)

    async def _measure(self) -> None:
        """Measure how long a run takes from its first request on, so that kills are spread over all of it."""
        loop = asyncio.get_running_loop()
        async with self._pulling(self._home / "measured") as running:
            seen = self._sandbox.counters.requests
            await until(lambda: self._sandbox.counters.requests > seen)
            began = loop.time()
            assert (await running.ends()).code == 0
        self._seconds = loop.time() - began

    async def _one_folder(self, kills: int) -> None:
        self.folders += 1
        folder, before = Folder(self._home / f"to-{self.folders}", self._truth), self._sandbox.counters.body_bytes
        allowed = self._chance.randint(2, MOST_KILLS_A_FOLDER)
        while allowed and self.kills < kills and await self._killed(folder):
            allowed -= 1
        await self._finished(folder)
        self.moved += self._sandbox.counters.body_bytes - before
        self.needed += self._truth.bytes
        await asyncio.to_thread(shutil.rmtree, folder.path)

    def _pulling(self, to: Path) -> Any:
        """Start a pull with a new token: other tests cover the effect of a kill on tokens."""
        config = self._home / "config.json"
        self._sandbox.write_config(config)
        return starting("pull", "--config", config, "--to", to, *self._job.arguments)

    async def _killed(self, folder: Folder) -> bool:
        """Pull, and kill it; False if it ended first."""
        known, asked = folder.published_objects, len(self._sandbox.requests)
        async with self._pulling(folder.path) as running:
            await self._moment(folder, running)
            running.signal(signal.SIGKILL)
            done = await running.ends()
        assert done.code in (0, -9), done.err
        await asyncio.to_thread(folder.look)
        self._nothing_twice(known, asked)
        if done.code == -9:
            self.where[await asyncio.to_thread(folder.state)] += 1
        return done.code == -9

    async def _moment(self, folder: Folder, running: Running) -> None:
        """Wait for a random moment in the whole process, in its transfers, or in its publishing."""
        kind = self._chance.choice(("anywhere", "transfer", "transfer", "transaction", "name"))
        if kind == "anywhere":
            await self._or_its_end(running, self._chance.uniform(0, 0.2 + self._seconds))
            return
        asked = self._sandbox.counters.requests
        await self._until(running, lambda: self._sandbox.counters.requests > asked + 3)
        if kind == "transaction":
            await self._or_its_end(running, self._chance.uniform(0, self._seconds))
            await self._until(running, folder.journal.exists)
        elif kind == "name":
            names = folder.names() + self._chance.randint(1, 5)
            await self._until(running, lambda: folder.names() >= names)
        await self._or_its_end(running, self._chance.uniform(0, self._seconds if kind == "transfer" else 0.003))

    async def _or_its_end(self, running: Running, seconds: float) -> None:
        await asyncio.wait([asyncio.ensure_future(running.process.wait())], timeout=seconds)

    async def _until(self, running: Running, condition: Callable[[], bool]) -> None:
        while running.process.returncode is None and not condition():  # noqa: ASYNC110 - seen from outside alone
            await asyncio.sleep(0.001)

    async def _finished(self, folder: Folder) -> None:
        """Check that a last run, which is not killed, succeeds."""
        known, asked = folder.published_objects, len(self._sandbox.requests)
        async with self._pulling(folder.path) as running:
            done = await running.ends()
        assert (done.code, done.complaints) == (0, []), done.err
        await asyncio.to_thread(folder.look)
        self._nothing_twice(known, asked)
        folder.whole()

    def _nothing_twice(self, published: set[str], asked: int) -> None:
        """Check that a run requested nothing from the storage that was published before."""
        most = self._sandbox.requests.maxlen or 0
        assert asked < most
        new = list(self._sandbox.requests)[asked:]
        assert not {seen.path for seen in new if seen.kind == "storage"} & published
        if len(self._sandbox.requests) > most // 2:
            self._sandbox.requests.clear()


@pytest.mark.crash
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.name != "posix", reason="kills by SIGKILL")
@pytest.mark.parametrize("name", list(JOBS))
async def test_whatever_the_moment_of_the_kill(tmp_path: Path, name: str) -> None:
    """Every published file is right, nothing published is fetched again, nothing is left behind, no lock blocks."""
    job = JOBS[name]
    async with Sandbox(SandboxSettings(**job.settings)) as sandbox:
        killing = Killing(job, sandbox, tmp_path, random.Random(f"{SEED} {name}"))
        await killing.run(max(1, round(KILLS * job.share)))
        assert sandbox.counters.refused_exchanges == 0
    print(f"\n{name}: {killing.kills} kills in {killing.folders} folders; {killing.moved / killing.needed:.2f} times "
          f"the bytes moved that one run needs; the kills fell {dict(killing.where.most_common())}")  # fmt: skip
