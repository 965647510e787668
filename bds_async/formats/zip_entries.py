"""The entries of a zip's directory (PKWARE's APPNOTE 4.3.12 and 4.5.3).

Fields that no extract needs are not checked: a damaged extra field, an invalid date, an unknown version.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import VerificationError

_ENTRY = struct.Struct("<4s6H3L5H2L")
_ENTRY_MAGIC = b"PK\1\2"
_EXTRA = struct.Struct("<2H")
_ZIP64 = 1
#: Placeholder for a number in the zip64 extra field.
IN_ZIP64_FIELD = 0xFFFFFFFF
_UTF_8 = 0x800


@dataclass(frozen=True, slots=True)
class Entry:
    """The directory's entry for one member; `header` is the position of its local header. Sizes are in bytes."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    header: int

    @property
    def name(self) -> str:
        """The untrusted name: shown, never used as a path."""
        return self.raw_name.decode("utf-8" if self.flags & _UTF_8 else "cp437", errors="replace")


def entries_in(directory: bytes) -> Iterator[Entry]:
    """The entries of a whole directory, in its order; raises VerificationError if it cannot be read."""
    position = 0
    while position < len(directory):
        if not directory.startswith(_ENTRY_MAGIC, position) or position + _ENTRY.size > len(directory):
            raise VerificationError("The zip's directory cannot be read: an entry is damaged.")
        _, _, _, flags, method, _, _, crc, compressed, size, *lengths, _, _, _, header = _ENTRY.unpack_from(
            directory, position
        )
        name_end, extra_end, position = _ends(position + _ENTRY.size, lengths)
        if position > len(directory):
            raise VerificationError("The zip's directory cannot be read: an entry runs past its end.")
        name = directory[name_end - lengths[0] : name_end]
        size, compressed, header = _wide((size, compressed, header), directory[name_end:extra_end])
        yield Entry(name, flags, method, crc, compressed, size, header)


def _ends(start: int, lengths: list[int]) -> tuple[int, int, int]:
    """Where an entry's name, extra field and comment end."""
    name, extra, comment = lengths
    return start + name, start + name + extra, start + name + extra + comment


def _wide(numbers: tuple[int, int, int], extra: bytes) -> tuple[int, int, int]:
    """The numbers; placeholders are replaced, in order, by the numbers in the zip64 field."""
    missing = sum(number == IN_ZIP64_FIELD for number in numbers)
    if not missing:
        return numbers
    field = _zip64_field(extra)
    if len(field) < 8 * missing:
        raise VerificationError("The zip's zip64 records are damaged.")
    found = iter(struct.unpack_from(f"<{missing}Q", field))
    size, compressed, header = (next(found) if number == IN_ZIP64_FIELD else number for number in numbers)
    return size, compressed, header


def _zip64_field(extra: bytes) -> bytes:
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        position += _EXTRA.size
        if kind == _ZIP64:
            return extra[position : position + length]
        position += length
    return b""
