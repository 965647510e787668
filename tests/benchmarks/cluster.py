"""How much faster three workers of a cluster are than one, each at 20 MB/s: `python -m tests.benchmarks.cluster`.

nginx serves the zips; each worker has one thread, so one connection, which nginx limits to that rate.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bds_async import Config, PullOptions, Verify, pull
from tests.benchmarks.transfer.corpus import make
from tests.benchmarks.transfer.origin import Network, Origin, serving
from tests.support.clusters import running_cluster

#: Bytes per second of a worker; the sizes of the zips.
BANDWIDTH, SIZES = 20_000_000, [20_000_000] * 60


def seconds_on(origin: Origin, workers: int, home: Path) -> float:
    """Seconds of a pull with this many workers, from the plan to the report."""
    home.mkdir()
    config = Config(
        bspace_url=origin.tenant,
        auth_service=origin.tenant,
        client_id="benchmark",
        client_secret="none",
        refresh_token="none",
        token_file=home / "token",
    )
    with running_cluster(home, workers, threads=1) as cluster:
        began = time.perf_counter()
        report = asyncio.run(pull(config, home / "to", PullOptions(cluster=cluster.address, verify=Verify.FAST)))
        assert report.exit_code == 0, report.to_json()
        return time.perf_counter() - began


def main() -> None:
    """Print the seconds of one worker and of three, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "origin").mkdir()
        corpus = make(home / "corpus", SIZES)
        with serving(home / "origin", corpus, Network(tls=False, rate=BANDWIDTH)) as origin:
            print(f"{corpus.size / 1e6:.0f} MB, {BANDWIDTH / 1e6:.0f} MB/s for each worker")
            one = seconds_on(origin, 1, home / "one")
            three = seconds_on(origin, 3, home / "three")
    print(f"1 worker {one:.1f} s, 3 workers {three:.1f} s: {one / three:.2f} times sooner")


if __name__ == "__main__":
    main()
