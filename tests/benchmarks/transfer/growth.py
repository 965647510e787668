"""Growth: 10 to 10,000 extracts, and 0.1 to 10 GB in one extract, with a plot."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .clients import Work, aria2c, bds_async
from .corpus import make
from .measured import run
from .origin import Network, serving
from .table import GIGABYTE, MEGABYTE

COUNTS = (10, 100, 1_000, 10_000)
#: Bytes of each zip when their number grows.
SMALL = 2_000
SIZES = (0.1, 1.0, 10.0)
CONNECTIONS = 16


def growth(home: Path, peers: str, plot: Path, most: int, largest: float) -> dict[str, list[list[float]]]:
    """Wall and CPU seconds and peak MB of each client, by extracts and by gigabytes; also drawn to `plot`."""
    clients = [bds_async(), aria2c(1)]
    found: dict[str, list[list[float]]] = {}
    axes: list[tuple[str, Sequence[float]]] = [
        ("extracts", [count for count in COUNTS if count <= most]),
        ("GB", [size for size in SIZES if size <= largest]),
    ]
    for axis, points in axes:
        for point in points:
            sizes = [SMALL] * int(point) if axis == "extracts" else [int(point * GIGABYTE)]
            corpus = make(home / "growth", sizes)
            with serving(home, corpus, Network()) as origin:
                work = Work(corpus, origin, home, home / "target", CONNECTIONS, peers)
                for client in clients:
                    cost = run(client, work)
                    figures = [point, cost.wall, cost.cpu, cost.memory / MEGABYTE]
                    found.setdefault(f"{client.name}, {axis}", []).append(figures)
                    print(f"{client.name}, {point:g} {axis}: {cost.wall:.1f} s, CPU {cost.cpu:.1f} s", flush=True)
            shutil.rmtree(corpus.folder)
    script = Path(__file__).parent / "peers" / "plot.py"
    subprocess.run([peers, str(script), str(plot)], input=json.dumps(found).encode(), check=True)
    return found
