"""The position of a zip's directory, by the first bytes and the end records (PKWARE's APPNOTE 4.3.14 to 4.3.16).

It is stricter than most readers on purpose: bytes before the first member or after the end record mean that the body
did not arrive as it was sent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import VerificationError

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END_MAGIC, _END_64_MAGIC, _LOCATOR_MAGIC, _LOCAL_MAGIC = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\3\4"
_LONGEST_COMMENT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Directory:
    """Position and length of a zip's directory in bytes, and the number of its members."""

    start: int
    size: int
    entries: int


def directory_of(file: BinaryIO, size: int) -> Directory:
    """Find the directory of a zip of `size` bytes; raises VerificationError if it does not begin and end as a zip."""
    _check_beginning(file, size)
    return _find_directory(file, size)


def _check_beginning(file: BinaryIO, size: int) -> None:
    if size == 0:
        raise VerificationError("The server sent nothing in place of a zip.")
    file.seek(0)
    beginning = file.read(512)
    if not beginning.startswith((_LOCAL_MAGIC, _END_MAGIC)):
        raise VerificationError(f"The server sent {_what_it_looks_like(beginning)} in place of a zip.")


def _what_it_looks_like(beginning: bytes) -> str:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<!doctype html") or b"<html" in text:
        return "an HTML page"
    if text.startswith(b"<"):
        return "an XML document"
    return "JSON" if text.startswith((b"{", b"[")) else "something else"


def _find_directory(file: BinaryIO, size: int) -> Directory:
    file.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = file.read()
    position = _end_in(tail)
    fields = _END.unpack_from(tail, position)
    end = size - len(tail) + position
    return _directory_64(file, end) or _directory_before(end, *fields[4:7])


def _end_in(tail: bytes) -> int:
    position = tail.rfind(_END_MAGIC)
    while position >= 0:
        if position + _END.size <= len(tail):
            comment = _END.unpack_from(tail, position)[-1]
            if position + _END.size + comment == len(tail):
                return position
        position = tail.rfind(_END_MAGIC, 0, position)
    raise VerificationError("The zip is truncated or has foreign bytes at its end: its end record is missing.")


def _directory_64(file: BinaryIO, end: int) -> Directory | None:
    if end < _LOCATOR_64.size + _END_64.size:
        return None
    file.seek(end - _LOCATOR_64.size)
    magic, _, position, _ = _LOCATOR_64.unpack(file.read(_LOCATOR_64.size))
    if magic != _LOCATOR_MAGIC:
        return None
    if position + _END_64.size > end:
        raise VerificationError("The zip's zip64 records are damaged.")
    file.seek(position)
    fields = _END_64.unpack(file.read(_END_64.size))
    if fields[0] != _END_64_MAGIC:
        raise VerificationError("The zip's zip64 records are damaged.")
    return _directory_before(position, *fields[7:10])


def _directory_before(end: int, entries: int, size: int, start: int) -> Directory:
    if start + size != end:
        raise VerificationError("The zip's directory is not where its end record says; bytes are missing or foreign.")
    return Directory(start, size, entries)
