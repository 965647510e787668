"""What ranges gain for one huge extract among many small ones: `python -m tests.benchmarks.ranges`.

Each connection is limited to 5 MB/s, as by storages and networks. The peers are the same client with whole files as its
unit of work, started largest first or in listing order.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bds_async import Config, PullOptions, pull
from bds_async.sandbox import Sandbox, SandboxSettings
from bds_async.support.pool import Pool
from bds_async.transfer import download

MEGABYTE = 1_000_000
BANDWIDTH = 5 * MEGABYTE
SETTINGS = SandboxSettings(data_sets=40, scale=3, huge_bytes=100 * MEGABYTE, bandwidth=BANDWIDTH)
WORKERS = 8


@contextmanager
def as_it_is() -> Iterator[None]:
    """Use ranges, the largest extract first."""
    yield


@contextmanager
def whole_files() -> Iterator[None]:
    """No extract counts as large."""
    usual, download.LARGE = download.LARGE, 2**62
    try:
        yield
    finally:
        download.LARGE = usual


@contextmanager
def whole_files_in_list_order() -> Iterator[None]:
    """No extract counts as large, and all start in listing order."""
    usual = Pool.put
    Pool.put = lambda self, job, size=0, rank=None: usual(self, job)  # type: ignore
    try:
        with whole_files():
            yield
    finally:
        Pool.put = usual  # type: ignore[method-assign]


async def seconds_of_pull(sandbox: Sandbox) -> float:
    """Seconds of a pull of everything into a temporary folder."""
    with tempfile.TemporaryDirectory() as home:
        sandbox.write_config(Path(home) / "config.json")
        config = Config.load(Path(home) / "config.json", {})
        began = time.perf_counter()
        report = await pull(config, Path(home) / "to", PullOptions(workers=WORKERS))
        assert report.exit_code == 0, report.to_json()
        return time.perf_counter() - began


async def measured() -> dict[str, float]:
    """Seconds of this client and of each peer, all against one tenant, which has already generated its archives."""
    ways = {
        "by ranges": as_it_is,
        "whole files, largest first": whole_files,
        "whole files, in list order": whole_files_in_list_order,
    }
    async with Sandbox(SETTINGS) as sandbox:
        fulls = [data_set.newest_full for data_set in sandbox.catalogue()]
        sizes = await asyncio.to_thread(lambda: [full.size for full in fulls if full is not None])
        print(f"{sum(sizes) / MEGABYTE:.0f} MB in {len(sizes)} extracts, the largest {max(sizes) / MEGABYTE:.0f} MB;")
        print(f"{WORKERS} workers, {BANDWIDTH / MEGABYTE:.0f} MB/s for each connection")
        found = {}
        for name, way in ways.items():
            with way():
                found[name] = await seconds_of_pull(sandbox)
        return found


def main() -> None:
    """Print the seconds of each, and how many times faster ranges are."""
    found = asyncio.run(measured())
    ours = found["by ranges"]
    for name, seconds in found.items():
        print(f"{name}: {seconds:.1f} s" + ("" if seconds == ours else f", {seconds / ours:.2f} times as long"))


if __name__ == "__main__":
    main()
