"""The strict reader yields every good record, names every bad one, and knows the line of each."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.formats.csv_records import NoHeader, Records, Reject

values = st.text(alphabet=st.sampled_from('ab,"\r\n\\.é 0'), max_size=6)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(values, min_size=width, max_size=width), min_size=1, max_size=8)
)


def read(data: bytes, block: int = 1 << 20, *, exact: bool = False) -> tuple[Records, list[list[str]]]:
    records = Records((data[place : place + block] for place in range(0, len(data), block)), exact=exact)
    clean = b"".join(records.pieces())
    return records, list(csv.reader(io.StringIO(clean.decode(), newline=""), strict=True))


def written(rows: list[list[str]], line_end: str = "\r\n") -> bytes:
    sink = io.StringIO(newline="")
    # Python's writer does not quote a CR if lines end with LF.
    quoting: Any = csv.QUOTE_ALL if line_end == "\n" else csv.QUOTE_MINIMAL
    csv.writer(sink, lineterminator=line_end, quoting=quoting).writerows(rows)
    return sink.getvalue().encode("utf-8-sig")


@given(tables, st.integers(1, 64), st.sampled_from(["\r\n", "\n"]))
def test_every_record_of_a_regular_csv_is_passed_on_unchanged(rows: list[list[str]], block: int, end: str) -> None:
    """For any values, block sizes and line ends."""
    header = [f"c{place}" for place in range(len(rows[0]))]
    records, found = read(written([header, *rows], end), block)
    assert records.header == tuple(header)
    assert found == rows
    assert not records.rejects
    assert records.count == len(rows)


@given(tables, st.integers(1, 64))
def test_the_line_of_each_record_is_known(rows: list[list[str]], block: int) -> None:
    """Values with line breaks make records that span several lines."""
    data = written([["c"] * len(rows[0]), *rows])
    records, _ = read(data, block, exact=True)
    quick, _ = read(data, block)
    line = 2
    for number, row in enumerate(rows):
        assert records.lines.line_of(number) == line
        assert quick.lines.is_vague(number) or quick.lines.line_of(number) == line
        line += written([row]).count(b"\n")


@given(st.binary(max_size=60), st.integers(1, 64))
def test_any_bytes_give_records_of_the_width_of_the_header(tail: bytes, block: int) -> None:
    """Each record is yielded or rejected as a whole; what is yielded is valid CSV."""
    records, found = read(b"a,b\r\n" + tail, block)
    assert all(len(row) == 2 for row in found)
    assert records.count == len(found) + sum(reject.column is None for reject in records.rejects)


@given(st.binary(max_size=60))
def test_blocks_of_any_size_give_the_same(tail: bytes) -> None:
    """The result does not depend on where blocks end."""
    data = b"a,b\n1,2\n" + tail
    whole = read(data)
    for block in (1, 2, 7):
        again = read(data, block)
        assert again[1] == whole[1]
        assert again[0].rejects == whole[0].rejects


@pytest.mark.parametrize(
    ("body", "rows", "rejects"),
    [
        (b"1,NULL\r\n", [["1", "NULL"]], []),
        (b"1\r\n2,x\r\n", [["2", "x"]], [Reject(2, None, "1", "has 1 fields, the header has 2")]),
        (b'1,"a\r\nb"\r\n2,x,y\r\n', [["1", "a\r\nb"]], [Reject(4, None, "2,x,y", "has 3 fields, the header has 2")]),
        (b"1,\xff\r\n", [["1", ""]], [Reject(2, "b", "\\xff", "is not UTF-8")]),
        (b"1,a\0b\r\n", [["1", ""]], [Reject(2, "b", "a\\x00b", "holds a NUL byte")]),
        (b'1,"x"y\r\n2,z\r\n', [["2", "z"]], [Reject(2, None, '1,"x"y', "has text after a closing quote")]),
        (b'1,"x\r\n2,z\r\n', [["2", "z"]], [Reject(2, None, '1,"x', "has a quote that is not closed")]),
        (b'1,5" disk\r\n', [["1", '5" disk']], []),
        (b"1,a\n2,b\r\n", [["1", "a"], ["2", "b"]], []),
        (b"\\.,\\.\r\n1,x", [["\\.", "\\."], ["1", "x"]], []),
        (b"1,a\rb\r\n", [["1", "a\rb"]], []),
        (b"1\r,b\r\n", [["1\r", "b"]], []),
        (b"\r\n", [], [Reject(2, None, "", "has 1 fields, the header has 2")]),
    ],
)
def test_odd_records(body: bytes, rows: list[list[str]], rejects: list[Reject]) -> None:
    records, found = read(b"\xef\xbb\xbfa,b\r\n" + body)
    assert (found, records.rejects) == (rows, rejects)


def test_a_bad_value_in_a_key_rejects_the_record() -> None:
    records = Records([b"a,b\r\n\xff,1\r\n2,3\r\n"])
    records.reject_whole([0])
    assert b"".join(records.pieces()) == b"2,3\r\n"
    assert records.rejects == [Reject(2, None, "\\xff,1", "the key column a is not UTF-8")]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n1\r\n"])
def test_a_file_without_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(NoHeader):
        Records([data])
