"""A pull to S3 killed at any moment is finished by the next one: no torn object, no unfinished upload.

STORE_KILLS=100 is the long version (2 by default), STORE_SEED sets another seed; -s shows how many kills left parts.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import starting
from tests.support.stores import Store, objects, unfinished

KILLS = int(os.environ.get("STORE_KILLS", "2"))
SEED = int(os.environ.get("STORE_SEED", "4"))
#: After this many kills, a pull may continue to its end.
MOST_KILLS = 6

pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(60 + 20 * KILLS),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]


class Killing:
    """Pulls to one bucket after another, killed at random moments."""

    def __init__(self, sandbox: Sandbox, s3: Store, home: Path) -> None:
        self._sandbox, self._s3, self._home = sandbox, s3, home
        self._chance = random.Random(SEED)
        self._seconds = 3.5
        self._truth = sorted(each.newest_full.sha256 for each in sandbox.catalogue())
        self.kills = self.left_parts = 0

    async def one_bucket(self) -> None:
        bucket, state = self._s3.bucket(), self._home / f"state-{self.kills}"
        known: dict[str, datetime] = {}
        for _ in range(min(self._chance.randint(1, MOST_KILLS), KILLS - self.kills)):
            if not await self._killed(bucket, state):
                break
            self.kills += 1
            self.left_parts += bool(unfinished(self._s3, bucket))
            self._check_whole(bucket)
            known |= {key: known.get(key, moment) for key, moment in self._moments(bucket).items()}
        async with self._pulling(bucket, state) as running:
            done = await running.ends()
        assert (done.code, done.complaints) == (0, [])
        assert self._check_whole(bucket) == self._truth
        assert unfinished(self._s3, bucket) == []
        assert {key: self._moments(bucket)[key] for key in known} == known, "what was published is not uploaded again"
        assert list((state / "partial").iterdir()) == []

    async def _killed(self, bucket: str, state: Path) -> bool:
        """Pull, and kill it; False if it ended first."""
        async with self._pulling(bucket, state) as running:
            try:
                await running.ends(self._chance.uniform(0.3, 1.0) * self._seconds)
            except TimeoutError:
                running.signal(signal.SIGKILL)
                await running.process.wait()
                return True
        return False

    def _pulling(self, bucket: str, state: Path) -> Any:
        config = self._home / "config.json"
        self._sandbox.write_config(config)
        places = ("--to", f"s3://{bucket}/x", "--state", state, "--config", config)
        return starting("pull", *places, cwd=None, **self._s3.environ)

    def _check_whole(self, bucket: str) -> list[str]:
        """Check that each object is the whole content of an extract; return the hashes."""
        found = sorted(hashlib.sha256(body).hexdigest() for body in objects(self._s3, bucket).values())
        assert set(found) <= set(self._truth)
        return found

    def _moments(self, bucket: str) -> dict[str, datetime]:
        listed = self._s3.client.list_objects_v2(Bucket=bucket).get("Contents", ())
        return {each["Key"]: each["LastModified"] for each in listed}


async def test_a_pull_to_a_store_survives_kills(s3_server: Store, tmp_path: Path) -> None:
    settings = SandboxSettings(data_sets=6, scale=0.05, huge_bytes=20_000_000, latency=0.01, bandwidth=6_000_000)
    async with Sandbox(settings) as sandbox:
        killing = await asyncio.to_thread(Killing, sandbox, s3_server, tmp_path)
        while killing.kills < KILLS:
            await killing.one_bucket()
    print(f"{killing.kills} kills, {killing.left_parts} of them left unfinished uploads")
