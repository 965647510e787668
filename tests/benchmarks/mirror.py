r"""A mirror compared with the work by hand and by dlt: `python -m tests.benchmarks.mirror [ROWS] [PYTHON-WITH-DLT]`.

One full of ROWS enrollments and a differential of a twentieth of them, zipped. By hand is what a careful person writes:
in DuckDB the unzipped CSV through `read_csv` with types, delete and insert; in PostgreSQL `psql \copy` of the unzipped
CSV into a table of texts, the casts of the mirror, delete and insert. dlt merges the unzipped CSVs by their key.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import duckdb

from bds_async import MirrorOptions, Target, mirror
from bds_async.registry import find
from bds_async.registry.conversion import POSTGRESQL
from tests.support.deliveries import DIFFERENTIAL, FULL, Deliveries
from tests.support.postgresql import programs, running_postgresql

NAME = "Grade Results"
ROUNDS = 3
HOWS = ("tables", "rows")
KEY = ("grade_object_id", "org_unit_id", "user_id")
DLT = """
import csv, json, sys, time
import dlt, pyarrow, pyarrow.csv

target, address, files, columns, how = json.loads(sys.argv[1])

def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {name: value or None for name, value in row.items()}

def tables(path):
    arrow = {"bigint": pyarrow.int64(), "decimal": pyarrow.decimal128(38, 9), "bool": pyarrow.bool_(),
             "timestamp": pyarrow.timestamp("ns", "UTC"), "text": pyarrow.string()}
    kinds = {name: arrow[column["data_type"]] for name, column in columns.items()}
    convert = pyarrow.csv.ConvertOptions(column_types=kinds, strings_can_be_null=True)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    schema = pyarrow.schema([(name, pyarrow.timestamp("us", "UTC") if kind == arrow["timestamp"] else kind)
                             for name, kind in kinds.items()])
    for batch in pyarrow.csv.open_csv(path, convert_options=convert, parse_options=parse):
        yield pyarrow.Table.from_batches([batch]).cast(schema, safe=False)

read = rows if how == "rows" else tables
destination = dlt.destinations.duckdb(address) if target == "duckdb" else dlt.destinations.postgres(address)
pipeline = dlt.pipeline(f"bench_{how}", destination=destination, dataset_name=f"dlt_{how}", pipelines_dir=sys.argv[2])
begun = time.perf_counter()
for path in files:
    resource = dlt.resource(read(path), name="grade_results", primary_key=("GradeObjectId", "OrgUnitId", "UserId"),
                            write_disposition="merge", columns=columns)
    pipeline.run(resource)
print(time.perf_counter() - begun)
"""


def header() -> list[str]:
    known = find(name=NAME)
    assert known is not None
    return [column.name for column in known.columns]


def data(users: range, random: Random) -> bytes:
    """A CSV as Brightspace writes it, with a row for each user."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(header())
    for number in users:
        moment = (
            f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T08:{number % 60:02}:00.{random.randint(0, 9999999):07}Z"
        )
        comment = 'Well done, "really"' if number % 10 == 0 else ""
        points = f"{random.randint(0, 1000) / 10:.9f}"
        values = [number % 1000, number % 77, number, points, "100.000000000", points, "100.000000000", "True", "False"]
        writer.writerow([*values, moment, 17, comment, "", "False", "", moment, number % 5][: len(header())])
    return sink.getvalue().encode("utf-8-sig")


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def unzipped(zips: list[Path], folder: Path) -> Iterator[Path]:
    for number, path in enumerate(zips):
        with zipfile.ZipFile(path) as archive:
            (member,) = archive.namelist()
            yield Path(archive.extract(member, folder / str(number)))


def names() -> list[str]:
    from bds_async.mirrors.names import column_names

    return list(column_names(header()))


def by_hand_in_duckdb(zips: list[Path], folder: Path, name: str) -> None:
    known = find(name=NAME)
    assert known is not None
    types = {"bigint": "BIGINT", "int": "BIGINT", "decimal": "DECIMAL(38,12)", "bit": "BOOLEAN"}
    types |= {"datetime2": "TIMESTAMP", "nvarchar": "VARCHAR"}
    columns = {name: types[column.type] for name, column in zip(names(), known.columns, strict=True)}
    match = " AND ".join(f"t.{name} = s.{name}" for name in KEY)
    with duckdb.connect(str(folder / name), config={"memory_limit": "500MB"}) as connection:
        connection.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        for path in unzipped(zips, folder):
            source = f"read_csv('{path}', header = true, columns = {json.dumps(columns)})".replace('"', "'")
            connection.execute("BEGIN")
            connection.execute(f"CREATE OR REPLACE TEMP TABLE s AS SELECT * FROM {source}")
            connection.execute(f"DELETE FROM t USING s WHERE {match}")
            connection.execute("INSERT INTO t SELECT * FROM s")
            connection.execute("COMMIT")


def by_hand_in_postgresql(zips: list[Path], folder: Path, address: str) -> None:
    known = find(name=NAME)
    assert known is not None
    pairs = list(zip(names(), known.columns, strict=True))
    types = ", ".join(f"{name} {POSTGRESQL.type_of(column.type)}" for name, column in pairs)
    casts = ", ".join(f"{POSTGRESQL.cast(column.type, name)} AS {name}" for name, column in pairs)
    match = " AND ".join(f"t.{name} = s.{name}" for name in KEY)
    raw = ", ".join(f"{name} text" for name in names())
    script = [
        "SET client_min_messages = warning; DROP TABLE IF EXISTS t;",
        f"CREATE TABLE t ({types});",
        f"CREATE INDEX ON t ({', '.join(KEY)});",
    ]
    for path in unzipped(zips, folder):
        script += [
            f"DROP TABLE IF EXISTS raw; CREATE TEMP TABLE raw ({raw});",
            f"\\copy raw FROM '{path}' CSV HEADER",
            f"DROP TABLE IF EXISTS s; CREATE TEMP TABLE s AS SELECT {casts} FROM raw; ANALYZE s;",
            f"BEGIN; DELETE FROM t USING s WHERE {match}; INSERT INTO t SELECT * FROM s; COMMIT;",
        ]
    command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", address]
    subprocess.run(command, input="\n".join(script), text=True, check=True, stdout=subprocess.DEVNULL)


def by_dlt(python: str, how: str, where: tuple[str, str], zips: list[Path], folder: Path) -> float:
    """Seconds of dlt, which gets dicts of `rows` from Python's csv, or Arrow `tables` from pyarrow's."""
    files = list(map(str, unzipped(zips, folder)))
    kinds = {"bigint": "bigint", "int": "bigint", "decimal": "decimal", "bit": "bool", "datetime2": "timestamp"}
    known = find(name=NAME)
    assert known is not None
    columns = {column.name: {"data_type": kinds.get(column.type, "text")} for column in known.columns}
    arguments = json.dumps([*where, files, columns, how])
    environment = os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false"}
    done = subprocess.run(
        [python, "-c", DLT, arguments, str(folder / "dlt")], check=True, capture_output=True, text=True, env=environment
    )
    return float(done.stdout.split()[-1])


def mirrored(into: str, root: Path, schema: str = "bds") -> float:
    return timed(lambda: asyncio.run(mirror(Target.parse(into), root, MirrorOptions(schema=schema))))


def best(work: Callable[[int], float]) -> float:
    """The shortest of three rounds, each from an empty state: other load on the machine can only lengthen a round."""
    return min(work(number) for number in range(ROUNDS))


def report(name: str, own: float, hand: float, dlt: dict[str, float]) -> None:
    print(f"{name}: mirror {own:.1f} s, by hand {hand:.1f} s: {own / hand:.2f} times", flush=True)
    for how, seconds in dlt.items():
        print(f"  dlt with {how} {seconds:.1f} s: {seconds / own:.1f} times as long as the mirror", flush=True)


def main(rows: int, python: str | None) -> None:
    random = Random(1)
    with tempfile.TemporaryDirectory(prefix="bds-bench-") as home:
        folder = Path(home)
        folder.chmod(0o755)
        deliveries = Deliveries(folder / "data", NAME)
        full = data(range(rows), random)
        change = data(range(rows - rows // 40, rows + rows // 40), random)
        zips = [
            deliveries.deliver(deliveries.extract(FULL, 0), full),
            deliveries.deliver(deliveries.extract(DIFFERENTIAL, 24), change),
        ]
        print(f"{rows} rows, {len(full) / 1e6:.0f} MB, and {len(change) / 1e6:.1f} MB of changes", flush=True)
        del full, change
        hand = best(lambda number: timed(lambda: by_hand_in_duckdb(zips, folder, f"hand{number}.duckdb")))
        own = best(lambda number: mirrored(f"duckdb:{folder / f'mirror{number}.duckdb'}", deliveries.root))
        place = str(folder / "dlt.duckdb")
        dlt = {how: by_dlt(python, how, ("duckdb", place), zips, folder) for how in HOWS if python}
        report("DuckDB", own, hand, dlt)
        found = programs()
        if found is not None:
            with running_postgresql(found) as address:
                hand = best(lambda _: timed(lambda: by_hand_in_postgresql(zips, folder, address)))
                own = best(lambda number: mirrored(address, deliveries.root, f"bds{number}"))
                place = address.replace("mirror@", "mirror:none@")
                dlt = {how: by_dlt(python, how, ("postgresql", place), zips, folder) for how in HOWS if python}
                report("PostgreSQL", own, hand, dlt)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2] if len(sys.argv) > 2 else None)
