"""A Parquet file has the rows of the CSV, in order, with the documented types; nothing is rounded or lost."""

from __future__ import annotations

import csv
import dataclasses
import io
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bds_async import Outcome, PublishAs, Status, Verify, repair, verify
from bds_async.errors import ConfigError, Stopped, UnusableArchive, VerificationError
from bds_async.events import Entered, Event, Phase, Warned
from bds_async.formats import parquet_file
from bds_async.formats.format import Staged
from bds_async.formats.parquet import ParquetFormat
from bds_async.formats.reading import Watch, unwatched
from bds_async.registry import ColumnType
from bds_async.runs.discrepancies import Fault, Remedy
from bds_async.runs.rebuild import rebuild
from bds_async.support.prefix import Prefix
from tests.support.builders import a_step, an_extract
from tests.support.kills import MOMENTS, Moment, kill
from tests.support.places import ledger_path, partial_folder
from tests.support.scheduled import DAY, Scheduled, scheduled

PARQUET: dict[str, Any] = {"publish_as": PublishAs.PARQUET}
in_place = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(alphabet=st.sampled_from("a,\"\r\n\\.é0 '{}$"), max_size=8)
GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"


def csv_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows([header, *rows])
    return sink.getvalue().encode("utf-8-sig")


def put(folder: Path, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "x.part"
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        archive.writestr("x.csv", content)
    return path


def stage(folder: Path, content: bytes, name: str = "Unheard Of", watch: Watch = unwatched) -> Staged:
    step = a_step(an_extract(data_set=name, plugin_id="none", schema_id=None), folder=name.replace(" ", ""))
    step = dataclasses.replace(step, kind=PublishAs.PARQUET)
    return ParquetFormat().stage(step, put(folder, content), Prefix(), Verify.FULL, watch)


def rows_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return found


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), max_size=9)))
@in_place
def test_every_value_and_the_order_of_rows_are_kept(tmp_path: Path, rows: list[list[str]]) -> None:
    """With any quotes, commas and line breaks in the values; an empty value is NULL."""
    header = [f"C{place}" for place in range(len(rows[0]) if rows else 2)]
    staged = stage(tmp_path, csv_of(header, rows))
    expected = [dict(zip(header, (value or None for value in row), strict=True)) for row in rows]
    assert rows_of(staged.path) == expected
    assert duckdb.read_parquet(str(staged.path)).fetchall() == [tuple(row.values()) for row in expected]
    assert staged.checked.columns == tuple(header)


def test_each_column_has_the_type_of_the_registry(tmp_path: Path) -> None:
    """BIGINT, DECIMAL(38,12), BOOLEAN and timestamps without zone; unknown columns are text."""
    content = csv_of(
        ["GradeObjectId", "PointsNumerator", "IsReleased", "LastModified", "New"],
        [["-7", "12345678901234567890123456.123456789012", "TRUE", "2024-02-29T23:59:59.1234567Z", "0x"]],
    )
    (row,) = rows_of(stage(tmp_path, content, "Grade Results").path)
    assert row["GradeObjectId"] == -7
    assert row["PointsNumerator"] == Decimal("12345678901234567890123456.123456789012")
    assert row["IsReleased"] is True
    assert row["LastModified"] == datetime(2024, 2, 29, 23, 59, 59, 123456)
    assert row["New"] == "0x"
    schema = pyarrow.parquet.read_schema(tmp_path / "x.parquet")
    assert str(schema.field("PointsNumerator").type) == "decimal128(38, 12)"
    assert str(schema.field("LastModified").type) == "timestamp[us]"


def test_a_guid_is_a_uuid(tmp_path: Path) -> None:
    staged = stage(tmp_path, csv_of(["LogId", "UserId"], [[GUID.upper(), "1"]]), "Activity Feed Post Log")
    ((found,),) = duckdb.sql(f"SELECT LogId FROM '{staged.path}'").fetchall()
    assert found == UUID(GUID)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("GradeObjectId", "9223372036854775808"),
        ("GradeObjectId", "1.0"),
        ("PointsNumerator", "0.1234567890123"),
        ("PointsNumerator", "1e3"),
        ("IsReleased", "yes"),
        ("LastModified", "2023-02-29T00:00:00Z"),
        ("LastModified", "2024-01-01"),
    ],
)
def test_a_column_with_a_misfit_is_text_and_named(tmp_path: Path, column: str, value: str) -> None:
    """All of its values, even those that fit, are the delivered texts; the other columns keep their types."""
    fits = {
        "GradeObjectId": "007",
        "PointsNumerator": "1.50",
        "IsReleased": "True",
        "LastModified": "2024-01-01 00:00:00",
    }
    rows = [list(fits.values()), [value if name == column else fits[name] for name in fits]]
    staged = stage(tmp_path, csv_of(list(fits), rows), "Grade Results")
    assert staged.checked.text_columns == (column,)
    assert [row[column] for row in rows_of(staged.path)] == [fits[column], value]
    types = {field.name: str(field.type) for field in pyarrow.parquet.read_schema(staged.path)}
    assert [name for name, kind in types.items() if kind == "string"] == [column]


def test_a_moment_of_a_key_is_text_without_a_warning(tmp_path: Path) -> None:
    """A timestamp would lose the seventh digit, and with it a row."""
    moments = ["2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:00.1234568Z"]
    content = csv_of(["AccommodatedUserId", "OrgUnitId", "LastModified"], [["1", "2", each] for each in moments])
    staged = stage(tmp_path, content, "Accommodations Profile Log")
    assert [row["LastModified"] for row in rows_of(staged.path)] == moments
    assert staged.checked.text_columns == ()


def test_a_csv_without_rows_gives_a_file_with_its_columns(tmp_path: Path) -> None:
    staged = stage(tmp_path, csv_of(["GradeObjectId"], []), "Grade Results")
    assert rows_of(staged.path) == []
    assert pyarrow.parquet.read_schema(staged.path).names == ["GradeObjectId"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\r\n1\r\n",
        b"a,b\r\n1,2,3\r\n",
        b"a\r\n\xff\r\n",
        b"a,A\r\n1,2\r\n",
        b"a,\r\n1,2\r\n",
        b'a\r\n"x\r\n',
        b"a\r\n\0\r\n",
    ],
)
def test_a_csv_that_is_no_table_fails_the_extract_and_names_zip(tmp_path: Path, content: bytes) -> None:
    """Too few or too many fields, text that is not UTF-8, a name that is missing or occurs twice; no file is left."""
    with pytest.raises(UnusableArchive, match="--as zip") as error:
        stage(tmp_path, content)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x.part"]


def test_damage_is_damage_even_where_the_rows_are_no_table(tmp_path: Path) -> None:
    """A damaged zip is fetched again; its content does not count as Brightspace's."""
    path = tmp_path / "x.part"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("x.csv", b"a,b\r\n1,2\r\n")
    path.write_bytes(path.read_bytes().replace(b"1,2\r\n", b"1;2\r\n"))
    with pytest.raises(VerificationError):
        ParquetFormat().stage(a_step(an_extract()), path, Prefix(), Verify.FULL)


def test_rows_are_compressed_in_groups_by_zstd(tmp_path: Path) -> None:
    staged = stage(tmp_path, "\r\n".join(["N,M", *(f"{each},1" for each in range(150_000)), ""]).encode())
    found = pyarrow.parquet.ParquetFile(staged.path).metadata
    sizes = [found.row_group(place).num_rows for place in range(found.num_row_groups)]
    assert sum(sizes) == 150_000
    assert 100_000 < max(sizes) < 130_000
    assert found.row_group(0).column(0).compression == "ZSTD"


def test_the_end_of_a_run_ends_a_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running statement of DuckDB is interrupted."""
    monkeypatch.setattr(parquet_file, "LOOK", 0.001)
    looked = 0

    def watch(count: int) -> None:
        nonlocal looked
        looked += count == 0
        if looked > 3:
            raise Stopped("The run is over.", 3)

    with pytest.raises(Stopped):
        stage(tmp_path, csv_of(["UserId", "B"], []) + b"1,%s\r\n" % (b"x" * 90) * 400_000, "Users", watch)
    assert [path.name for path in tmp_path.iterdir()] == ["x.part"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of a process from /proc")
def test_memory_is_bounded_where_rows_are_long(tmp_path: Path) -> None:
    """In a separate process, 100 MB of rows of 10 KB need less than 600 MB."""
    content = csv_of(["Id", "Text"], []) + b"".join(
        b"%d,%s\r\n" % (each, b"%010d" % each * 1000) for each in range(10_000)
    )
    path = put(tmp_path, content, zipfile.ZIP_STORED)
    work = (
        "import sys; from pathlib import Path; from bds_async.formats.parquet import ParquetFormat\n"
        "from bds_async.options import Verify; from bds_async.support.prefix import Prefix\n"
        "from tests.support.builders import a_step, an_extract\n"
        "ParquetFormat().stage(a_step(an_extract()), Path(sys.argv[1]), Prefix(), Verify.FULL)\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", work, str(path)], check=True, capture_output=True, text=True)
    assert int(done.stdout) // 1024 < 600
    assert pyarrow.parquet.ParquetFile(path.with_suffix(".parquet")).metadata.num_row_groups > 1


def true_rows(job: Scheduled, outcome: Outcome) -> list[list[str | None]]:
    """The rows of the tenant's CSV."""
    extracts = job.truth(outcome.extract.data_set).extracts
    queued = outcome.extract.queued_for_processing_date
    made = next(each for each in extracts if each.queued == queued and each.plugin_id == outcome.extract.plugin_id)
    with zipfile.ZipFile(io.BytesIO(made.read())) as archive:
        text = archive.read(archive.namelist()[0]).decode("utf-8-sig")
    return [[value or None for value in row] for row in csv.reader(io.StringIO(text, newline=""))][1:]


async def test_a_pull_publishes_the_rows_of_the_tenant_once(tmp_path: Path) -> None:
    """The second pull fetches nothing; `verify` finds nothing."""
    async with scheduled(tmp_path, data_sets=7) as job:
        report = await job.pull(**PARQUET)
        assert report.exit_code == 0
        for outcome in report.outcomes:
            path = job.to / str(outcome.path)
            assert outcome.text_columns == ()
            assert path.suffix == ".parquet"
            columns = ", ".join(f'"{name}"::VARCHAR' for name in outcome.columns or ())
            found = duckdb.sql(f"SELECT {columns} FROM '{path}'").fetchall()
            assert len(found) == len(true_rows(job, outcome))
            if outcome.extract.data_set == "Users":
                assert [row[0] for row in found] == [row[0] for row in true_rows(job, outcome)]
        again = await job.pull(**PARQUET)
        assert {each.status for each in again.outcomes} == {Status.SKIPPED}
        found = await verify(job.to)
        assert (found.files, found.discrepancies) == (len(report.outcomes), ())


async def test_a_damaged_file_is_found_and_repaired(tmp_path: Path) -> None:
    """The repaired file has the same rows; the ledger knows its bytes."""
    async with scheduled(tmp_path, data_sets=1) as job:
        report = await job.pull(**PARQUET)
        path = job.to / str(report.outcomes[0].path)
        before = rows_of(path)
        path.write_bytes(path.read_bytes()[:-1])
        assert [each.fault for each in (await verify(job.to)).discrepancies] == [Fault.CORRUPT]
        assert (await repair(job.config, job.to)).count(Remedy.REPAIRED) == 1
        assert rows_of(path) == before
        assert not (await verify(job.to)).discrepancies


async def test_a_rebuilt_ledger_knows_parquet_files_and_their_columns(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=2) as job:
        report = await job.pull(**PARQUET)
        ledger_path(job.to).unlink()
        rebuilt = await rebuild(job.config, job.workspace)
        assert (rebuilt.recorded, rebuilt.rejected) == (len(report.outcomes), [])
        again = await job.pull(**PARQUET)
        assert {each.status for each in again.outcomes} == {Status.SKIPPED}
        assert [each.columns for each in again.outcomes] == [each.columns for each in report.outcomes]


async def test_a_file_that_a_killed_run_staged_and_never_published_is_removed(tmp_path: Path) -> None:
    async with scheduled(tmp_path, data_sets=1) as job:
        await job.pull(**PARQUET)
        left = partial_folder(job.to) / f"{'0' * 32}.parquet"
        left.write_bytes(b"PAR1")
        await job.pull(data_set=("Users",), **PARQUET)
        assert not left.exists()


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
async def test_a_killed_publication_is_finished_without_another_conversion(tmp_path: Path, moment: Moment) -> None:
    """Every extract is delivered once, and no staged file is left."""
    async with scheduled(tmp_path, data_sets=1) as job:
        await kill(job, moment, **PARQUET)
        report = await job.sync(data_set=("Users",), **PARQUET)
        paths = [str(each.path) for each in report.outcomes]
        assert len(set(paths)) == len(paths) == len(list((job.to / "Users").rglob("*.parquet")))
        assert report.outcomes[0].attempts == 0
        assert not (await verify(job.to)).discrepancies
        assert not list(partial_folder(job.to).iterdir())


async def test_without_duckdb_a_run_ends_before_any_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    async with scheduled(tmp_path, data_sets=1) as job:
        monkeypatch.setitem(sys.modules, "duckdb", None)
        with pytest.raises(ConfigError, match=r"bds-async\[parquet\]"):
            await job.pull(**PARQUET)
        assert not job.sandbox.requests


async def test_a_sync_names_text_columns_in_a_warning_and_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented type of UserId is wrong here: user names are no numbers."""
    events: list[Event] = []
    async with scheduled(tmp_path, data_sets=1) as job:
        monkeypatch.setattr("bds_async.formats.parquet.column_types", wrong_types)
        report = await job.sync(DAY, events.append, **PARQUET)
    first = report.document()["extracts"][0]
    assert "UserName" in first["text_columns"]
    assert Phase.CONVERTING in {each.phase for each in events if isinstance(each, Entered)}
    warnings = [each.message for each in events if isinstance(each, Warned) and each.about == "columns.text"]
    assert warnings
    assert "UserName" in warnings[0]


def wrong_types(step: Any, header: Sequence[str]) -> tuple[Any, ...]:
    return tuple(ColumnType.BIGINT for _ in header)
