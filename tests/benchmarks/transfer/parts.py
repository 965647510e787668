"""Measurements outside the scenes: start-up, memory with many extracts, publishing on a slow disk."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from .clients import Work, bds_async
from .corpus import Corpus, make
from .measured import run, seconds_to_first_request, spent
from .origin import Network, serving
from .table import MEGABYTE

IMPORTS = [sys.executable, "-c", "import aiohttp, pydantic, click"]
VERSION = [sys.executable, "-m", "bds_async", "--version"]
TINY, TINY_SIZE = 10_000, 2_000
MIXED = [200_000] * 990 + [20_000_000] * 10


@contextmanager
def _work(home: Path, sizes: list[int], connections: int, peers: str) -> Iterator[Work]:
    with tempfile.TemporaryDirectory(dir=home) as folder:
        corpus: Corpus = make(Path(folder) / "corpus", sizes)
        with serving(home, corpus, Network()) as origin:
            yield Work(corpus, origin, home, home / "target", connections, peers)


def start(home: Path, peers: str, rounds: int) -> str:
    """Seconds of `--version`, and until a pull's first request, as ratios to those of the imports of a pull."""
    with _work(home, [TINY_SIZE], 1, peers) as work:
        pull = bds_async().command(work)
        found = [
            (spent(IMPORTS, work).wall, spent(VERSION, work).wall, seconds_to_first_request(pull, work))
            for _ in range(max(rounds, 5))
        ]
    version, first = (median(each[index] / each[0] for each in found) for index in (1, 2))
    return f"--version {version:.2f}, the first request {first:.2f} times the imports"


def memory(home: Path, peers: str, rounds: int) -> str:
    """Peak memory of a pull of 1,000 extracts."""
    lines = []
    for connections in (8, 16):
        with _work(home, MIXED, connections, peers) as work:
            for form in ("zip", "csv"):
                peak = max(run(bds_async("--as", form), work).memory for _ in range(rounds)) / MEGABYTE
                lines.append(f"{connections} workers, {form}: {peak:.1f} MB")
    return "; ".join(lines)


def fsync(home: Path, peers: str, rounds: int) -> str:
    """How much longer tiny extracts take if each fsync takes 10 ms."""
    shim = home / "slow_fsync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, Path(__file__).parent / "slow_fsync.c"], check=True)
    with _work(home, [TINY_SIZE] * TINY, 16, peers) as work:
        usual, slow = bds_async(), bds_async(preloaded=shim)
        pairs = [(run(usual, work).wall, run(slow, work).wall) for _ in range(rounds)]
    ratio = median(slow / usual for usual, slow in pairs)
    return (
        f"{TINY:,} tiny extracts: {median(pair[0] for pair in pairs):.1f} s, with 10 ms fsyncs {ratio:.2f} times that"
    )


#: For each measurement its function, which takes the home folder, the peers' Python and the number of rounds.
PARTS: dict[str, Callable[[Path, str, int], str]] = {"start": start, "memory": memory, "fsync": fsync}
