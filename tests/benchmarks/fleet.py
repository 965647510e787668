"""The time of a fleet, compared with the time computed from its limit: `python -m tests.benchmarks.fleet`.

20 sandbox tenants, four at a time; one has a dead token and one is unreachable. Bodies are limited to 1 MB/s, so that a
tenant costs waiting and not work, as on a real network.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.support.fleets import Fleet, report_of, running_fleet

TENANTS, AT_ONCE = 20, 4
#: Bytes of the one large extract of a tenant, and bytes per second.
HUGE, BANDWIDTH = 8_000_000, 1_000_000.0
#: The broken tenants, and their exit codes.
DEAD_TOKEN, GONE = "tenant-03", "tenant-11"
CODES = {DEAD_TOKEN: 4, GONE: 5}


def by_arithmetic(durations: Iterable[float], at_once: int) -> float:
    """Seconds until the last of these ends, if they start in order, each as soon as one of `at_once` slots is free."""
    ends = [0.0] * at_once
    for duration in durations:
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)


async def seconds_of(fleet: Fleet, *words: str) -> float:
    """Seconds of the command, from its start to its end."""
    report, began = fleet.folder / "fleet-report.json", time.perf_counter()
    command = [sys.executable, "-m", "bds_async", "fleet", "pull", str(fleet.file), "-q", "--report", str(report)]
    process = await asyncio.create_subprocess_exec(*command, *words, stderr=asyncio.subprocess.DEVNULL)
    await process.wait()
    return time.perf_counter() - began


async def measure(home: Path) -> None:
    """Print the seconds of each kind of tenant alone, of the fleet, and the computed ones."""
    names = [f"tenant-{number:02}" for number in range(TENANTS)]
    groups = {name: name if name in CODES else "sound" for name in names} | {names[0]: "first"}
    async with running_fleet(home, names, data_sets=1, huge_bytes=HUGE, bandwidth=BANDWIDTH) as fleet:
        fleet.write(groups=groups)
        fleet.sandboxes[DEAD_TOKEN].revoke_refresh_tokens()
        await fleet.sandboxes[GONE].go_away()
        alone = {name: await seconds_of(fleet, "--group", name) for name in CODES}
        sound = await seconds_of(fleet, "--group", "first")
        (home / "to" / names[0]).rename(home / "delivered-before")
        wall = await seconds_of(fleet, "--tenants-at-once", str(AT_ONCE))
        found = {each["name"]: each["exit_code"] for each in report_of(home / "fleet-report.json")["tenants"]}
        assert found == dict.fromkeys(names, 0) | CODES, found
        assert sum(sandbox.counters.refused_exchanges for sandbox in fleet.sandboxes.values()) <= len(CODES) * 2
    expected = by_arithmetic((alone.get(name, sound) for name in names), AT_ONCE)
    print(f"alone: sound {sound:.1f} s, dead token {alone[DEAD_TOKEN]:.1f} s, gone {alone[GONE]:.1f} s")
    print(
        f"{TENANTS} tenants, {AT_ONCE} at a time: {wall:.1f} s; by arithmetic {expected:.1f} s: {wall / expected:.2f}"
    )


def main() -> None:
    """Run the benchmark in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
