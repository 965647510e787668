"""How much faster many workers are than one, at 200 ms for each request: `python -m tests.benchmarks.workers`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bds_async import Config, PullOptions, pull
from bds_async.sandbox import Sandbox, SandboxSettings

LATENCY = 0.2


async def seconds_with(workers: int) -> float:
    """Seconds of a pull of 139 small extracts."""
    with tempfile.TemporaryDirectory() as home:
        async with Sandbox(SandboxSettings(scale=0.01, latency=LATENCY)) as sandbox:
            sandbox.write_config(Path(home) / "config.json")
            config = Config.load(Path(home) / "config.json", {})
            began = time.perf_counter()
            report = await pull(config, Path(home) / "to", PullOptions(workers=workers))
            assert report.exit_code == 0, report.to_json()
            return time.perf_counter() - began


def main() -> None:
    """Print the seconds and the ratio to one worker."""
    one = asyncio.run(seconds_with(1))
    print(f"{LATENCY * 1000:.0f} ms of latency, 139 extracts: 1 worker {one:.1f} s")
    for workers in (8, 16):
        many = asyncio.run(seconds_with(workers))
        print(f"{workers} workers {many:.1f} s, {one / many:.2f} times sooner")


if __name__ == "__main__":
    main()
