"""Parsing of one CSV record (RFC 4180) from bytes, and the faults that it can have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
#: The most bytes of a record; a quote that is never closed must not fill the memory.
RECORD_LIMIT = 16 * 1024 * 1024

_QUOTED = re.compile(rb'"((?:[^"]|"")*+)"')
_BARE = re.compile(rb"[^,\n]*+")
_SPECIAL = re.compile(rb'[",\r\n]')


@dataclass(frozen=True, slots=True)
class Parsed:
    """A record: its fields, where the next record begins, and a fault of the whole record."""

    fields: list[bytes]
    stop: int
    fault: str | None = None


def parse_record(data: bytes, start: int, *, final: bool) -> Parsed | None:
    """Return the record that begins at `start`, None if it does not end in `data` and more is to come.

    A record ends with LF or CR LF. A quote inside a field that does not begin with a quote is text. After a fault, the
    next record begins on the next line.
    """
    fields: list[bytes] = []
    position = start
    while True:
        quoted = data[position : position + 1] == b'"'
        match = (_QUOTED if quoted else _BARE).match(data, position)
        if match is None:
            return _unclosed(data, start, final=final)
        position = match.end()
        if position == len(data):
            if not final:
                return None if position - start < RECORD_LIMIT else _faulty(data, start, "is too long")
            return Parsed([*fields, _value(match, quoted=quoted, last=True)], position)
        end = data.find(b"\n", position)
        separator = data[position : position + 1]
        if quoted and separator not in (b",", b"\n") and data[position : position + 2] != b"\r\n":
            if end < 0 and not final and position + 1 == len(data):
                return None
            return _faulty(data, position, "has text after a closing quote")
        fields.append(_value(match, quoted=quoted, last=separator != b","))
        if separator != b",":
            return Parsed(fields, end + 1)
        position += 1


def _value(match: re.Match[bytes], *, quoted: bool, last: bool) -> bytes:
    if quoted:
        return match[1].replace(b'""', b'"')
    return match[0].removesuffix(b"\r") if last else match[0]


def _unclosed(data: bytes, start: int, *, final: bool) -> Parsed | None:
    if not final and len(data) - start < RECORD_LIMIT:
        return None
    return _faulty(data, start, "has a quote that is not closed")


def _faulty(data: bytes, position: int, fault: str) -> Parsed:
    end = data.find(b"\n", position)
    return Parsed([], end + 1 if end >= 0 else len(data), fault)


def encoded(fields: Iterable[bytes]) -> bytes:
    """Return fields as a record without its line end; quote what PostgreSQL would take for the end of the data."""
    values = list(fields)
    return b",".join(b'"' + value.replace(b'"', b'""') + b'"' if _is_special(value, values) else value
                     for value in values)  # fmt: skip


def _is_special(value: bytes, values: list[bytes]) -> bool:
    return len(values) == 1 or value.startswith(b"\\.") or _SPECIAL.search(value) is not None


def text_of(raw: bytes) -> str:
    r"""Return bytes as text; bad bytes and NUL are escaped as `\xNN`."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
