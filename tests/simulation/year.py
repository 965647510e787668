"""The simulated year: `python -m tests.simulation.year [--weeks 52] [--seed 0]` from the repository's root.

Every extract that was available while the job could see it must be delivered exactly once, and every gap reported, none
invented. The job is the real command, in processes that are killed; a loader removes its files at once. With `--mirror
duckdb` (or `postgresql`) a mirror follows each run, and its tables are compared with what was delivered. With `--store`
the extracts go to an S3 bucket, with `--as parquet` as Parquet, which is compared row by row.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bds_async.sandbox import Sandbox
from tests.support.mirror_places import DuckDBPlace, Place, PostgreSQLPlace
from tests.support.postgresql import programs, running_postgresql
from tests.support.store_proxy import proxy_of
from tests.support.stores import running_s3

from . import command
from .books import Books, Verdict, verdict
from .bucket import Bucket
from .course import BEGIN, DAY, HOUR, Plan
from .loader import Loader
from .mirrored import MirrorCheck

#: Most time between two looks at the truth, so that nothing appears and expires unnoticed.
GLANCE = 3 * HOUR


@dataclass
class Simulation:
    """One simulation of the tenant and the job."""

    plan: Plan
    home: Path
    books: Books
    mirror: MirrorCheck | None = None
    bucket: Bucket | None = None
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    consents: int = 0
    now: datetime = BEGIN

    async def run(self) -> Verdict:
        """Run the simulation, and return the verdict."""
        async with Sandbox(self.plan.settings()) as sandbox:
            sandbox.write_config(self.config)
            loader = self.bucket or Loader(self.home / "to", patient=self.mirror is not None)
            for step, draw in self.plan.steps():
                self._pass(sandbox, step)
                sandbox.play(*self.plan.misbehaviour(draw))
                self._misbehave(draw, self.plan.faults)
                await self._job(sandbox, loader, self.plan.death(draw))
            await self._end(sandbox, loader)
        return verdict(self.books)

    async def _end(self, sandbox: Sandbox, loader: Loader | Bucket) -> None:
        """Add some days without a fault, until the next full has closed the gaps that can be closed."""
        sandbox.play()
        self._misbehave(random.Random(), 0)
        for _ in range(4):
            self._pass(sandbox, 2 * DAY)
            await self._job(sandbox, loader, None)

    def _misbehave(self, draw: random.Random, chance: float) -> None:
        if self.bucket is not None:
            self.bucket.misbehave(draw, chance)

    @property
    def config(self) -> Path:
        """The config that all runs share."""
        return self.home / "config.json"

    def _pass(self, sandbox: Sandbox, step: timedelta) -> None:
        while step > timedelta():
            by = min(step, GLANCE)
            sandbox.advance(by)
            self.now += by
            step -= by
            self.books.look(sandbox)

    async def _job(self, sandbox: Sandbox, loader: Loader | Bucket, death: command.Death | None) -> None:
        report, known = self.home / "run.json", len(loader.taken)
        report.unlink(missing_ok=True)
        before, environ = self.books.look(sandbox), self.bucket.environ if self.bucket is not None else {}
        async with loader.at_work():
            code = await command.run(self._arguments(report), self.now, self.home / "output.txt", death, environ)
        self.runs += 1
        # The tenant's time advances meanwhile: it may make one extract and drop another.
        taken, after = loader.taken[known:], self.books.look(sandbox)
        self.books.take(taken)
        if report.exists():
            document = json.loads(report.read_text("utf-8"))
            self.books.report(document, self.now, before.keys() & after.keys())
            await self._check_mirror(document, loader)
        self._ended(sandbox, code, death)
        if code >= 0 and not self.has_leftovers:
            self.books.check_order(taken)
        self.has_leftovers = code < 0 or (self.has_leftovers and not report.exists())
        if isinstance(loader, Bucket) and not self.has_leftovers:
            loader.take()

    def _arguments(self, report: Path) -> list[str]:
        arguments = ["sync", "-q", "--config", str(self.config), "--as", self.plan.form, "--report", str(report)]
        arguments += ["--attempts", "3", "--stall-timeout", "5", *(["--with-fulls"] if self.plan.with_fulls else [])]
        arguments += self.mirror.arguments() if self.mirror is not None else []
        return arguments + (self.bucket.arguments if self.bucket is not None else ["--to", str(self.home / "to")])

    async def _check_mirror(self, report: dict[str, Any], loader: Loader | Bucket) -> None:
        """Compare the mirror with what was delivered if the run updated it; then the loader may take the files."""
        if self.mirror is not None and report["mirror"]["error"] is None:
            delivered = {making: self.books.made[making] for making in self.books.delivered}
            await self.mirror.check(report, delivered, self.now)
            loader.take()

    #: Whether the next run with a plan may first finish what a killed one left, even if something older failed.
    has_leftovers: bool = False

    def _ended(self, sandbox: Sandbox, code: int, death: command.Death | None) -> None:
        if code < 0:
            self.kills[(death and death.place) or "after a while"] += 1
        elif code == 4:
            # A kill between the exchange of the token and storing the next one: a person has to consent again.
            self.consents += 1
            sandbox.write_config(self.config)
        elif code not in (0, 3, 5):
            raise AssertionError(f"run {self.runs} at {self.now} left with {code}: {self._output()}")

    def _output(self) -> str:
        return (self.home / "output.txt").read_text("utf-8")[-2000:]


async def simulate(plan: Plan) -> tuple[Simulation, Verdict]:
    """Run one simulation in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="bds-async-year-") as home,
        a_place(plan.mirror, Path(home)) as place,
        a_bucket(Path(home), is_wanted=plan.store) as bucket,
    ):
        mirror = MirrorCheck(place) if place is not None else None
        # A mirror needs every full.
        books = Books(with_fulls=plan.with_fulls or mirror is not None)
        simulation = Simulation(plan, Path(home), books, mirror, bucket)
        return simulation, await simulation.run()


@contextmanager
def a_place(database: str, home: Path) -> Iterator[Place | None]:
    """The place of the mirror: a file, or a PostgreSQL that runs as long as the simulation."""
    if database == "postgresql":
        found = programs()
        assert found is not None, "PostgreSQL is not installed"
        with running_postgresql(found) as address:
            yield PostgreSQLPlace(address, "bds")
    else:
        yield DuckDBPlace(home / "mirror.duckdb") if database else None


@contextmanager
def a_bucket(home: Path, *, is_wanted: bool) -> Iterator[Bucket | None]:
    """A new bucket of an S3 server that runs as long as the simulation."""
    if not is_wanted:
        yield None
        return
    with running_s3() as s3, proxy_of(s3.endpoint) as proxy:
        yield Bucket(s3, proxy, home)


def figures(simulation: Simulation, found: Verdict) -> str:
    """The result, as lines of text."""
    books, plan, kills = found.books, simulation.plan, sorted(simulation.kills.items())
    lines = {
        "simulated": f"{plan.weeks} weeks, {plan.data_sets} data sets, seed {plan.seed}",
        "runs": f"{simulation.runs}, of which killed: {simulation.kills.total()}",
        "killed at": ", ".join(f"{place.rpartition('.')[2]} {count}" for place, count in kills),
        "exit codes": ", ".join(f"{code}: {count}" for code, count in sorted(books.codes.items())),
        "extracts that were meant": found.made,
        "files delivered": f"{found.delivered} ({', '.join(f'{a} {c}' for a, c in sorted(books.arrivals.items()))})",
        "changes of columns": ", ".join(f"{kind} {count}" for kind, count in sorted(books.changes.items())),
        "gaps reported": f"{found.gaps}, {found.open_gaps} of them open; {found.missed} of those in them",
        "late, gone before any run": len(found.unseen),
        "consents after a kill": simulation.consents,
        "duplicates": len(found.duplicates),
        "losses": len(found.losses),
        "invented gaps": len(found.invented),
    }
    if (mirror := simulation.mirror) is not None:
        rows = ", ".join(f"{kind} {count}" for kind, count in mirror.kinds.items())
        lines["mirror compared"] = f"{mirror.checks} times, {mirror.rows} rows at last"
        lines["extracts applied"] = f"{mirror.applied} ({rows})"
        lines["rows wrong in the mirror"] = len(mirror.wrong)
    return "\n".join(f"{name + ':':32}{value}" for name, value in lines.items())


def main() -> int:
    """Simulate, print the figures, and leave with 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest-step", type=int, default=Plan.longest_step, help="hours between two runs at most")
    parser.add_argument("--every", type=float, default=Plan.every, help="hours between two differentials")
    parser.add_argument("--with-fulls", action="store_true")
    parser.add_argument("--store", action="store_true", help="let extracts go to a bucket of S3")
    parser.add_argument("--as", dest="form", choices=["zip", "parquet"], default="zip", help="in which form")
    parser.add_argument("--mirror", choices=["duckdb", "postgresql"], default="", help="let a mirror follow each run")
    chosen = parser.parse_args()
    plan = replace(Plan(), **vars(chosen))
    began = time.monotonic()
    simulation, found = asyncio.run(simulate(plan))
    print(figures(simulation, found))
    print(f"{time.monotonic() - began:.0f} seconds")
    wrong = simulation.mirror.wrong if simulation.mirror is not None else []
    faults = found.faults | ({"mirror": wrong} if wrong else {})
    for name, what in faults.items():
        print(f"{name}: {what[:20]}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
