"""Columns are selected from a CSV with respect to quotes, and byte by byte if nothing is dropped."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.errors import UnusableArchive
from bds_async.formats import projection
from bds_async.formats.projection import project

BOM = b"\xef\xbb\xbf"

values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", '"', '""', ",", "\r\n", "\n", "\r", 'a "b", c', "line\r\nbreak", " lead", "trail ", "é", "成绩", "\u2028"]
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header of distinct names and some rows, all of one width."""
    header = draw(st.lists(values, min_size=1, max_size=6, unique=True).filter(lambda names: names != [""]))
    rows = draw(st.lists(st.lists(values, min_size=len(header), max_size=len(header)), max_size=8))
    return [header, *rows]


def as_csv(table: list[list[str]], bom: bytes = BOM) -> bytes:
    """As Brightspace writes it."""
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows(table)
    return bom + sink.getvalue().encode()


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def projected(data: bytes, *wanted: str, size: int = 1000) -> bytes:
    return b"".join(project(cut(data, size), wanted))


@given(tables(), st.sampled_from([BOM, b""]), st.integers(1, 40))
def test_exactly_the_wanted_columns_are_passed_on_as_they_are(table, bom, size):
    data = as_csv(table, bom)
    assert projected(data, *table[0], size=size) == data


@given(tables(), st.sampled_from([BOM, b""]), st.integers(1, 40), st.data())
def test_what_is_left_is_what_would_have_been_written_without_the_others(table, bom, size, data):
    order = data.draw(st.lists(st.integers(0, len(table[0]) - 1), min_size=1, unique=True))
    expected = as_csv([[row[position] for position in order] for row in table], bom)
    assert projected(as_csv(table, bom), *(table[0][position] for position in order), size=size) == expected


def test_quotes_that_nobody_needs_do_no_harm_and_stay_where_nothing_is_dropped():
    data = b'"A","B","C"\r\n"1","2, 3","4"\r\n'
    assert projected(data, "A", "B", "C") == data
    assert projected(data, "A", "B") == b'A,B\r\n1,"2, 3"\r\n'


def test_bytes_that_are_no_utf_8_stay_what_they_are():
    assert projected(b"A,B\r\n\xff\xfe,2\r\n", "A") == b"A\r\n\xff\xfe\r\n"


def test_lines_end_as_brightspace_ends_them():
    assert projected(b"A,B\n1,2\n3,4", "B") == b"B\r\n2\r\n4\r\n"


def test_of_two_columns_with_one_name_the_first_is_taken_first():
    data = b"A,A,B\r\n1,2,3\r\n"
    assert projected(data, "A") == b"A\r\n1\r\n"
    assert projected(data, "A", "A") == b"A,A\r\n1,2\r\n"


@pytest.mark.parametrize("data", [b"A,B\r\n1,2\r\n\r\n", b"A,B\r\n\r\n1,2\r\n", b"A,B\n1,2\n\n\n"])
def test_lines_without_anything_are_no_rows(data):
    """Nor are they rows for readers of the unchanged CSV."""
    assert projected(data, "A") == b"A\r\n1\r\n"


def test_an_empty_value_in_quotes_is_a_row_of_a_single_column():
    assert projected(b'A,B\r\n"",\r\n', "A") == b'A\r\n""\r\n'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"A,C\r\n1,2\r\n", "no column 'B'"),
        (b"", "no header"),
        (b"A,B,C\r\n1,2\r\n", "Row 2 of the CSV has 2 fields where 3 belong"),
        (b"A,B,C\r\n1,2,3\r\n1,2,3,4\r\n", "Row 3 of the CSV has 4"),
        (b'A,B,C\r\n1,"2,3\r\n', "cannot be read after row 1"),
        (b'A,B,C\r\n1,"2"x,3\r\n', "cannot be read after row 1"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(data, why):
    with pytest.raises(UnusableArchive, match=why):
        projected(data, "A", "B")


def test_a_missing_column_says_what_to_do():
    with pytest.raises(UnusableArchive, match="ledger unpin"):
        projected(b"A\r\n", "A", "Gone")


@pytest.mark.parametrize(
    "endless",
    [b'A,B\r\n"never closed', b'A,B\r\n"a line\r\n', b'A,B\r\n"x","', b"A,B\r\nno end of the line "],
    ids=["one line", "many lines", "open again and again", "unquoted"],
)
def test_a_row_without_an_end_does_not_fill_the_memory(endless, monkeypatch):
    monkeypatch.setattr(projection, "ROW_LIMIT", 100_000)
    monkeypatch.setattr(projection, "_BLOCK", 1000)

    def blocks() -> Iterator[bytes]:
        yield endless
        while True:
            yield endless.partition(b"\n")[2] * 100

    with pytest.raises(UnusableArchive, match=r"more than 100000 characters|after row"):
        for _ in project(blocks(), ["A"]):
            pass


def test_a_large_value_is_no_reason_to_fail():
    """By default csv would refuse a field of more than 128 KiB."""
    large = "x" * 3_000_000
    data = as_csv([["A", "B"], [large, "1"], [large, "2"]])
    assert projected(data, "A", size=65536) == as_csv([["A"], [large], [large]])


def test_memory_does_not_grow_with_the_length():
    row = b'12345,"a name, quoted",2026-01-01T00:00:00.123Z,True\r\n'

    def peak(rows: int) -> int:
        blocks = (b"A,B,C,D\r\n" if number == 0 else row * 1000 for number in range(rows // 1000 + 1))
        tracemalloc.start()
        try:
            assert sum(map(len, project(blocks, ["A", "B"]))) > rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # The header is searched in the first mebibyte: both files have more than that.
    assert peak(66_000) < 1.5 * peak(22_000)


def test_the_names_of_columns_are_looked_up_not_searched():
    """The number of comparisons grows with the number of columns, not with its square."""
    compared = Counter()

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            compared["names"] += 1
            return str.__eq__(self, other)

    def names(numbers):
        return [Name(number) for number in numbers]

    assert projection._positions(names(range(2000)), names(reversed(range(2000)))) == list(reversed(range(2000)))
    assert compared["names"] < 20_000
