"""Planning with a ledger of a million deliveries, compared with ten thousand: `python -m tests.benchmarks.ledger`.

139 data sets with hourly differentials, two weeks of them listed, two days of them new. Each measurement runs in a
separate process, so that only its own memory counts.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bds_async.brightspace.catalogue.listing import Listing
from bds_async.destination import LocalFolder
from bds_async.ledger import Delivery, Ledger, Selection
from bds_async.ledger.delivery import WRITE, row_of
from bds_async.models import BdsType, DataSet, Extract, Plugin
from bds_async.options import PullOptions, SyncOptions, Wanted
from bds_async.planning.pull import plan_pull
from bds_async.planning.sync import plan_sync
from bds_async.runs.corrections import unmark
from bds_async.workspace import workspace_of
from tests.support.places import ledger_path, prepared

TENANT = "https://school.example"
DATA_SETS = 139
NOW = datetime(2026, 11, 22, tzinfo=UTC)
COLUMNS = tuple(f"Column{number}" for number in range(20))
LISTED, NEW = 14 * 24, 2 * 24


def data_set(number: int) -> DataSet:
    name = f"Data Set {number:03}"
    return DataSet(
        f"schema-{number}", Plugin(f"full-{number}", name), Plugin(f"differential-{number}", f"{name} Differential")
    )


def extract(number: int, hours_ago: int, bds_type: BdsType = BdsType.DIFFERENTIAL) -> Extract:
    known, queued = data_set(number), NOW - timedelta(hours=hours_ago)
    plugin = f"{bds_type.folder}-{number}"
    created = queued + timedelta(minutes=5)
    return Extract(known.name, known.schema_id, plugin, bds_type, queued, created, "9.4", "https://x.example/", 1000)


def deliveries(rows: int) -> Iterator[Delivery]:
    """A full each week and a differential each hour, up to two days ago, for each data set in turn."""
    hours = rows // DATA_SETS
    for number in range(DATA_SETS):
        folder = f"DataSet{number:03}"
        for hours_ago in range(NEW + hours, NEW, -1):
            weekly = hours_ago % 168 == 100
            made = extract(number, hours_ago, BdsType.FULL if weekly else BdsType.DIFFERENTIAL)
            path = f"{folder}/{made.bds_type.folder}/{folder}_{hours_ago}.zip"
            yield Delivery.of(made, folder, path=path, bytes=1000, sha256="ab" * 32, columns=COLUMNS, delivered_at=NOW)


def fill(folder: Path, rows: int) -> None:
    prepared(folder)
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        ledger.folders.folders_for(map(data_set, range(DATA_SETS)))
        ledger._database.execute("PRAGMA synchronous = OFF")
        with ledger._database.writing():
            for delivery in deliveries(rows):
                for statement in WRITE:
                    ledger._database.execute(statement, **row_of(delivery))


def listing() -> Listing:
    """Two weeks of differentials and three fulls of each data set."""
    found = {}
    for number in range(DATA_SETS):
        fulls = [extract(number, 100 + 168 * week, BdsType.FULL) for week in range(3)]
        hourly = [extract(number, hours_ago) for hours_ago in range(1, LISTED) if hours_ago % 168 != 100]
        found[data_set(number)] = (*fulls, *hourly)
    return Listing(found)


def measured(folder: Path) -> dict[str, float]:
    """Seconds of each step, and the peak of resident megabytes."""
    listed = listing()
    seconds: dict[str, float] = {}
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def timed(name: str, work: Callable[[], object]) -> object:
        began = time.perf_counter()
        result = work()
        seconds[name] = time.perf_counter() - began
        return result

    destination, everything = LocalFolder(folder), PullOptions(wanted=Wanted.ALL)
    ledger = timed("open", lambda: Ledger.open(ledger_path(folder), TENANT))
    assert isinstance(ledger, Ledger)
    with ledger:
        first = timed("plan the first sync", lambda: plan_sync(listed, SyncOptions(), ledger, destination.paths))
        ledger.syncs.keep(first.kept)  # type: ignore[attr-defined]
        plan = timed("plan a sync", lambda: plan_sync(listed, SyncOptions(), ledger, destination.paths))
        assert len(plan.steps) == DATA_SETS * NEW  # type: ignore[attr-defined]
        timed("keep it", lambda: ledger.syncs.keep(plan.kept))  # type: ignore[attr-defined]
        folders = ledger.folders.folders_for(listed.extracts)
        timed("say how complete all is", lambda: [ledger.complete_through(each) for each in folders])
        timed(
            "plan a pull of everything",
            lambda: plan_pull(listed, everything, ledger, destination.size),
        )
        timed("columns of one data set", lambda: list(ledger.columns.headers(folders[0])))
        timed("export all", lambda: sum(1 for _ in ledger.deliveries.all()))
    timed("unmark all", lambda: unmark(workspace_of(folder), ["*"], Selection()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**seconds, "resident MB": peak / 1024, "of it for the ledger": (peak - base) / 1024}


def in_a_process_of_its_own(folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.ledger", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print each step's seconds for both ledgers, and their ratio."""
    if len(sys.argv) > 1:
        print(json.dumps(measured(Path(sys.argv[1]))))
        return
    found = []
    for rows in (10_000, 1_000_000):
        with tempfile.TemporaryDirectory() as home:
            fill(Path(home), rows)
            size = ledger_path(Path(home)).stat().st_size / 1_000_000
            found.append(in_a_process_of_its_own(Path(home)))
            print(f"{rows:>9,} rows, {size:.0f} MB of database", file=sys.stderr)
    few, many = found
    print(f"{'':28}{'10,000':>10}{'1,000,000':>12}{'ratio':>8}")
    for name, value in many.items():
        print(f"{name:28}{few[name]:>10.3f}{value:>12.3f}{value / max(few[name], 1e-9):>8.1f}")


if __name__ == "__main__":
    main()
