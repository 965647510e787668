"""The benchmark's command line."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path

from .clients import Client, Work, bds_async
from .corpus import Corpus, make, standard_sizes
from .growth import growth
from .measured import Cost, run
from .origin import serving
from .parts import PARTS
from .scenes import SCENES, Scene
from .table import MEGABYTE, table


def main(argv: list[str] | None = None) -> None:
    """Run the requested scenes or parts, and print a table for each scene."""
    asked = _parser().parse_args(argv)
    home = Path(tempfile.mkdtemp(prefix="benchmark-", dir=asked.home))
    try:
        results = _scenes(home, asked)
        for name in asked.parts or []:
            print(f"\n{name}: {PARTS[name](home, asked.peers, asked.rounds)}", flush=True)
        if asked.growth:
            results["growth"] = growth(home, asked.peers, asked.growth, asked.most, asked.largest)
        if asked.json:
            asked.json.write_text(json.dumps(results, indent=1))
    finally:
        shutil.rmtree(home)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.transfer", description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[*SCENES, []], help="scenes to measure (default: all, with --all)")
    parser.add_argument("--all", action="store_true", help="all scenes")
    parser.add_argument("--size", type=float, default=200, help="megabytes of the corpus (default 200)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each client, in turn (default 3)")
    parser.add_argument("--home", type=Path, help="folder for corpus and output, best in memory (/dev/shm)")
    parser.add_argument("--peers", default=sys.executable, help="Python with parfive, requests, matplotlib")
    parser.add_argument("--only", help="comma-separated beginnings of names: measure these clients alone")
    parser.add_argument("--beside", action="append", default=[], help="NAME=PROGRAM: another bds-async to run as well")
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="single questions to answer")
    parser.add_argument("--growth", type=Path, help="measure growth and draw it to this PNG")
    parser.add_argument("--most", type=int, default=10_000, help="extracts of growth at most (default 10,000)")
    parser.add_argument("--largest", type=float, default=10, help="gigabytes of growth's largest extract (default 10)")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    return parser


def _scenes(home: Path, asked: argparse.Namespace) -> dict[str, object]:
    names = list(SCENES) if asked.all else asked.scenes
    if not names:
        return {}
    corpus = make(home / "corpus", standard_sizes(int(asked.size * MEGABYTE)))
    return {name: _measure(home, corpus, SCENES[name], asked) for name in names}


def _measure(home: Path, corpus: Corpus, scene: Scene, asked: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    corpus = corpus.small if scene.only_small else corpus
    print(f"\n{scene.title}: {len(corpus.names)} zips, {corpus.size / MEGABYTE:.0f} MB")
    with serving(home, corpus, scene.network) as origin:
        work = Work(corpus, origin, home, home / "target", scene.connections, asked.peers)
        costs = _in_turn(_clients(scene, work, asked), work, asked.rounds)
    print(table(costs, corpus.size), flush=True)
    return {name: [asdict(cost) for cost in found] for name, found in costs.items()}


def _clients(scene: Scene, work: Work, asked: argparse.Namespace) -> list[Client]:
    found = scene.clients(bds_async)
    for name, program in (each.split("=", 1) for each in asked.beside):
        ours = scene.clients(partial(bds_async, program=program, name=name))
        found += [client for client in ours if client.is_ours]
    wanted = tuple(asked.only.split(",")) if asked.only else ("",)
    return [client for client in found if client.name.startswith(wanted) and client.is_here(work)]


def _in_turn(clients: list[Client], work: Work, rounds: int) -> dict[str, list[Cost]]:
    """The costs of each client, run in the order A B C A B C …; the first round warms up and does not count."""
    costs: dict[str, list[Cost]] = {client.name: [] for client in clients}
    for number in range(rounds + 1):
        for client in clients:
            cost = run(client, work)
            if number:
                costs[client.name].append(cost)
    return costs


if __name__ == "__main__":
    main()
