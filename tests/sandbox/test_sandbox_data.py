"""The contents of the zips: real names and columns, CSV as exported, differentials that add up, determinism."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.registry import Column, known_data_sets
from bds_async.sandbox.clock import Clock
from bds_async.sandbox.data.archives import SizeEstimates, csv_blocks, write_zip
from bds_async.sandbox.data.catalogue import Catalogue, data_set_of
from bds_async.sandbox.data.rows import CLASSES, last_touched
from bds_async.sandbox.data.spool import Spool, SpoolClosed
from bds_async.sandbox.data.tables import stable_number, tables
from bds_async.sandbox.data.values import quoted, timestamp, value
from bds_async.sandbox.settings import SandboxSettings

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def catalogue_of(**settings):
    chosen = SandboxSettings(**{"data_sets": 6, "scale": 0.02, "now": MOMENT, **settings})
    return Catalogue(chosen, Clock(chosen.now or MOMENT))


def table_of(extract):
    text = b"".join(csv_blocks(extract)).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


def by_key(extract):
    header, rows = table_of(extract)
    places = [header.index(name) for name in extract.data_set.table.key or header]
    return {tuple(row[place] for place in places): row for row in rows}


def sorted_extracts_of(data_set, bds_type):
    found = [extract for extract in data_set.extracts(MOMENT) if extract.bds_type == bds_type]
    return sorted(found, key=lambda extract: extract.queued)


def sorted_extracts(catalogue, number, bds_type):
    return sorted_extracts_of(catalogue.data_sets[number], bds_type)


def test_all_139_real_names_are_there_and_numbered_ones_follow():
    names = [table.name for table in tables(200)]
    assert len(set(names)) == 200
    assert names[0] == "Users"
    assert {"User Enrollments", "Content User Progress", "Session History", "Virtual Classroom Usage"} <= set(
        names[:139]
    )
    assert names[139] == "Sandbox Extra 140"
    assert [table.name for table in tables(3)] == names[:3]


def test_every_documented_data_set_has_its_real_columns_and_key():
    served = {data_set.name: data_set for data_set in catalogue_of(data_sets=139).data_sets}
    for known in known_data_sets():
        data_set = served[known.name]
        assert (data_set.table.columns, data_set.table.key) == (known.columns, known.key)
        extract = sorted_extracts_of(data_set, "Full")[-1]
        assert table_of(extract)[0] == [column.name for column in known.columns]
    assert served["User Enrollments"].table.csv_name == "UserEnrollments.csv"


def test_keys_are_unique_in_every_table():
    count = 3 * CLASSES + 5
    for table in tables(139):
        factory = data_set_of(table, SandboxSettings()).row_factory(table.columns)
        header, *rows = csv.reader(io.StringIO(factory.header() + b"".join(factory.rows(range(count), 9)).decode()))
        assert len(rows) == count, table.name
        assert {len(row) for row in rows} == {len(header)}, table.name
        places = [header.index(name) for name in table.key or header]
        assert len({tuple(row[place] for place in places) for row in rows}) == len(rows), table.name


def test_a_csv_is_written_as_brightspace_exports_it():
    catalogue = catalogue_of(data_sets=34, scale=0.05)
    topics = next(number for number, item in enumerate(catalogue.data_sets) if item.name == "Discussion Topics")
    raw = b"".join(csv_blocks(sorted_extracts(catalogue, topics, "Full")[-1]))
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    _, rows = table_of(sorted_extracts(catalogue, topics, "Full")[-1])
    assert any("\r\n" in cell for row in rows for cell in row)
    assert any('"' in cell for row in rows for cell in row)
    assert text.count("\r\n") > len(rows) + 1
    cells = {cell for row in rows for cell in row}
    assert {"True", "False", ""} <= cells
    digits = {len(cell.partition(".")[2]) for cell in cells if cell.endswith("Z") and cell[4:5] == "-"}
    assert len(digits) >= 3


@pytest.mark.parametrize("number", range(6))
def test_a_full_and_its_differentials_add_up_to_the_next_full(number):
    catalogue = catalogue_of()
    older, newer = sorted_extracts(catalogue, number, "Full")[-2:]
    state = by_key(older)
    for differential in sorted_extracts(catalogue, number, "Differential"):
        if older.queued < differential.queued < newer.queued:
            state |= by_key(differential)
    assert state == by_key(newer)


def test_differentials_bring_updated_and_inserted_rows():
    catalogue = catalogue_of(scale=1)
    first, second = sorted_extracts(catalogue, 1, "Differential")[-2:]
    before, after = (by_key(extract).keys() for extract in (first, second))
    assert before
    assert len(before & after) < len(before) / 2
    fulls = sorted_extracts(catalogue, 1, "Full")
    counts = [full.data_set.schedule.rows_at(full.tick) for full in fulls]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_same_seed_and_moment_give_identical_zips(tmp_path):
    paths = []
    for name in ("a.zip", "b.zip"):
        extract = sorted_extracts(catalogue_of(seed=7), 0, "Full")[-1]
        write_zip(extract, tmp_path / name, lambda: None)
        paths.append((tmp_path / name).read_bytes())
    assert paths[0] == paths[1]


def test_another_seed_gives_other_rows_and_other_ids_where_none_are_published():
    one, other = (sorted_extracts(catalogue_of(seed=seed), 0, "Full")[-1] for seed in (1, 2))
    assert one.plugin_id == other.plugin_id
    assert one.created != other.created
    extras = [catalogue_of(seed=seed, data_sets=140).data_sets[-1] for seed in (1, 2)]
    assert extras[0].schema_id != extras[1].schema_id
    assert table_of(one)[1] != table_of(other)[1]


def test_what_was_listed_before_is_the_same_when_the_tenant_starts_later():
    early, late = catalogue_of(), catalogue_of(now=MOMENT + timedelta(days=3))
    assert {extract.identity for extract in early.extracts(early.data_sets[0])} & {
        extract.identity for extract in late.extracts(late.data_sets[0])
    }
    shared = sorted_extracts(early, 0, "Full")[-1]
    again = next(item for item in sorted_extracts(late, 0, "Full") if item.identity == shared.identity)
    assert table_of(shared) == table_of(again)


def test_a_zip_holds_one_deflated_csv_named_after_the_data_set(tmp_path):
    extract = sorted_extracts(catalogue_of(scale=0.5), 1, "Full")[-1]
    write_zip(extract, tmp_path / "x.zip", lambda: None)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        (member,) = archive.infolist()
        assert member.filename == "UserEnrollments.csv"
        assert archive.testzip() is None
        assert 4 < member.file_size / member.compress_size < 20


def test_sizes_are_skewed_and_the_whole_is_small():
    catalogue = catalogue_of(data_sets=139, scale=1.0)
    estimates = SizeEstimates()
    sizes = sorted(estimates.size(sorted_extracts(catalogue, number, "Full")[-1]) for number in range(139))
    assert sizes[0] < 300
    assert sizes[69] < 20_000
    assert 4_000_000 < sizes[-1] < 9_000_000
    assert 20_000_000 < sum(sizes) < 42_000_000


def test_estimates_are_close_to_the_size_of_the_zip(tmp_path):
    catalogue = catalogue_of(data_sets=12, scale=0.3)
    estimates = SizeEstimates()
    for number in range(12):
        extract = sorted_extracts(catalogue, number, "Full")[-1]
        write_zip(extract, tmp_path / "x.zip", lambda: None)
        assert estimates.size(extract) == pytest.approx((tmp_path / "x.zip").stat().st_size, rel=0.35)


@pytest.mark.parametrize("size", [1, 1000, 3_000_000])
def test_the_huge_extract_is_as_large_as_asked_for_and_does_not_compress(tmp_path, size):
    catalogue = catalogue_of(data_sets=0, huge_bytes=size)
    huge = sorted_extracts(catalogue, 0, "Full")[-1]
    assert catalogue.data_sets[0].differential_id is None
    write_zip(huge, tmp_path / "x.zip", lambda: None)
    assert (tmp_path / "x.zip").stat().st_size == pytest.approx(size, abs=1000)
    assert SizeEstimates().size(huge) == pytest.approx(size, abs=1000)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None


@given(st.text())
def test_a_quoted_value_is_read_back_as_it_was(text):
    cleaned = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    assert next(csv.reader(io.StringIO(f"1,{quoted(cleaned)}\r\n", newline="")), ["", ""])[1] == cleaned


@given(st.integers(0, CLASSES - 1), st.integers(0, 10_000))
def test_a_class_was_last_touched_within_one_turn(class_number, tick):
    touched = last_touched(class_number, tick)
    assert touched <= tick < touched + CLASSES
    assert touched % CLASSES == class_number


@given(st.integers(0, 7))
def test_timestamps_are_iso_8601_with_so_many_digits(digits):
    text = timestamp(datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), digits)
    assert datetime.fromisoformat(text).replace(microsecond=0) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert len(text.partition(".")[2]) == (digits + 1 if digits else 0)


@pytest.mark.parametrize(
    "kind", ["int", "bigint", "smallint", "decimal", "float", "bit", "nvarchar", "uniqueidentifier"]
)
def test_a_column_that_may_not_be_empty_never_is(kind):
    draw = Random(3)
    assert all(value(Column("Thing", kind, nullable=False), draw, MOMENT) for _ in range(200))


def test_stable_numbers_do_not_depend_on_the_process():
    assert stable_number("a", 1) == 9331952569449725121
    assert stable_number("a", 1) != stable_number("a1")


def test_the_spool_makes_once_drops_the_oldest_and_makes_again():
    made = []

    def make(name):
        def write(path, check):
            check()
            made.append(name)
            path.write_bytes(b"x" * 60)

        return write

    spool = Spool(2 * 4096)
    for name in ("a", "a", "b", "c", "a"):
        with spool.open(name, make(name)) as file:
            assert len(file.read()) == 60
    assert made == ["a", "b", "c", "a"]
    assert spool.known_size("b") == 60
    assert len(list(spool.folder.iterdir())) == 2
    spool.close()
    assert not spool.folder.exists()
    with pytest.raises(SpoolClosed):
        spool.open("c", make("c"))


def test_the_file_asked_for_last_stays_even_where_it_alone_is_too_large():
    def fill(path, _):
        path.write_bytes(b"x" * 60)

    spool = Spool(10)
    with spool.open("a", fill):
        assert len(list(spool.folder.iterdir())) == 1
    spool.close()


def test_making_gives_up_once_the_sandbox_stops(tmp_path):
    extract = sorted_extracts(catalogue_of(scale=1), 1, "Full")[-1]
    spool = Spool(10**9)

    def make(path, check):
        spool.stop_generating()
        write_zip(extract, path, check)

    with pytest.raises(SpoolClosed):
        spool.open("a", make)
    spool.close()


def test_listed_moments_are_spaced_by_the_cadence():
    catalogue = catalogue_of(differential_hours=1, differential_retention_days=2)
    queued = [extract.queued for extract in sorted_extracts(catalogue, 0, "Differential")]
    assert len(queued) == 48
    assert {later - earlier for earlier, later in pairwise(queued)} == {timedelta(hours=1)}
