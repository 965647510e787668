"""The header row of a CSV is read as Brightspace writes it, from a bounded part of the file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.formats.csv_header import HEADER_LIMIT, HeaderReader, columns_of


def header_of(content: bytes, block: int = 1 << 20) -> tuple[str, ...] | None:
    reader = HeaderReader()
    for start in range(0, len(content), block):
        reader.feed(content[start : start + block])
    return reader.columns()


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"\xef\xbb\xbfUserId,OrgUnitId\r\n1,2\r\n", ("UserId", "OrgUnitId")),
        (b"UserId\n", ("UserId",)),
        (b"UserId,Name", ("UserId", "Name")),
        (b'A,"B ""quoted""","C\r\nD, E"\r\n1,2,3\r\n', ("A", 'B "quoted"', "C\r\nD, E")),
        ("\ufeffПользователь,名前\r\n".encode(), ("Пользователь", "名前")),
        ("Prénom,Nom\r\n".encode("latin-1"), ("Pr\ufffdnom", "Nom")),
        (b"", None),
        (b"\xef\xbb\xbf", None),
        (b"\r\n1,2\r\n", None),
        (b'A,"B\r\n1,2\r\n', None),
    ],
)
def test_the_header_row_gives_the_columns(content: bytes, columns: tuple[str, ...] | None) -> None:
    assert header_of(content) == columns
    assert header_of(content, block=1) == columns


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=9))
def test_whatever_a_csv_writer_writes_is_read_back(columns: list[str]) -> None:
    """Commas, quotes, line breaks and letters of any script."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["x", *columns], ["1"] * (len(columns) + 1)])
    content = b"\xef\xbb\xbf" + text.getvalue().encode()
    assert header_of(content, block=7) == ("x", *columns)


def test_a_header_without_an_end_is_none_and_bounded() -> None:
    """A file that is not a CSV must not be read into memory, and its beginning must not be taken for a column."""
    reader = HeaderReader()
    for _ in range(5):
        reader.feed(b"x," * (HEADER_LIMIT // 4))
    assert reader.is_full
    assert reader.columns() is None


def test_a_wide_header_is_read_whole() -> None:
    columns = tuple(f"Column{number}" for number in range(20_000))
    content = ",".join(columns).encode() + b"\r\n" + b"1," * HEADER_LIMIT
    assert header_of(content) == columns


def test_the_columns_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "Users.csv"
    path.write_bytes(b"\xef\xbb\xbfUserId,UserName\r\n" + b"1,x\r\n" * 300_000)
    assert columns_of(path) == ("UserId", "UserName")
