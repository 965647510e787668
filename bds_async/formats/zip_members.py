"""The members of a zip and the position of their bytes, by the directory and the local headers, which must agree.

Nothing is inflated here, and no member's name is used as a path.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import UnusableArchive, VerificationError
from .zip_directory import Directory, directory_of
from .zip_entries import IN_ZIP64_FIELD, Entry, entries_in

#: The most bytes of a directory (about 150,000 members), so that memory stays bounded.
DIRECTORY_LIMIT = 8 * 1024 * 1024

_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\3\4"
#: Flags of a member: encrypted (two ways); a patch to something else; its sizes follow its data.
_ENCRYPTED, _PATCH, _SIZES_FOLLOW = 0x41, 0x20, 0x8
_STORED, _DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a zip: its local header begins at `header`, its compressed bytes go from `start` to `stop`.

    `size` is the length that it claims to inflate to. The name is untrusted: it is shown, never used as a path.
    """

    name: str
    is_deflated: bool
    header: int
    start: int
    stop: int
    size: int
    crc: int

    @property
    def is_csv(self) -> bool:
        """Whether the name ends in `.csv`."""
        return self.name.lower().endswith(".csv")

    def __str__(self) -> str:
        return ascii(self.name)[:80]


def members_of(file: BinaryIO, size: int) -> list[Member]:
    """The members of a zip of `size` bytes, in the order of its directory.

    Raises VerificationError for a file that is not a whole zip, UnusableArchive for one that cannot be used.
    """
    directory = directory_of(file, size)
    if directory.size > DIRECTORY_LIMIT:
        raise UnusableArchive(f"The zip's directory has {directory.size} bytes, which is more than any extract needs.")
    entries = _entries(file, directory)
    if any(entry.header >= directory.start for entry in entries):
        raise VerificationError("The zip's directory names members beyond itself.")
    members = [_member(file, entry) for entry in entries]
    _check_spans(members, directory.start)
    return members


def _entries(file: BinaryIO, directory: Directory) -> list[Entry]:
    file.seek(directory.start)
    entries = list(entries_in(file.read(directory.size)))
    if len(entries) != directory.entries:
        raise VerificationError("The zip's directory does not match its end record.")
    return entries


def _member(file: BinaryIO, entry: Entry) -> Member:
    name = ascii(entry.name)[:80]
    start = _data_start(file, entry, name)
    if entry.flags & (_ENCRYPTED | _PATCH):
        what = "encrypted" if entry.flags & _ENCRYPTED else "a patch to another file"
        raise UnusableArchive(f"The member {name} of the zip is {what}.")
    if entry.method not in (_STORED, _DEFLATED):
        raise UnusableArchive(f"The member {name} of the zip is compressed by method {entry.method}.")
    is_deflated = entry.method == _DEFLATED
    if not is_deflated and entry.compressed != entry.size:
        raise VerificationError(f"The directory's sizes of the member {name} of the zip disagree.")
    return Member(entry.name, is_deflated, entry.header, start, start + entry.compressed, entry.size, entry.crc)


def _data_start(file: BinaryIO, entry: Entry, name: str) -> int:
    file.seek(entry.header)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
        raise VerificationError(f"The member {name} of the zip is not where the directory says.")
    _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _LOCAL.unpack(header)
    agrees = (
        method == entry.method
        and (flags ^ entry.flags) & (_ENCRYPTED | _PATCH) == 0
        and file.read(name_length) == entry.raw_name
        and (flags & _SIZES_FOLLOW or _agrees(entry, crc, compressed, size))
    )
    if not agrees:
        raise VerificationError(f"The member {name} of the zip and the directory's entry for it disagree.")
    return entry.header + _LOCAL.size + int(name_length) + int(extra_length)


def _agrees(entry: Entry, crc: int, compressed: int, size: int) -> bool:
    pairs = ((compressed, entry.compressed), (size, entry.size))
    return crc == entry.crc and all(local in {known, IN_ZIP64_FIELD} for local, known in pairs)


def _check_spans(members: Iterable[Member], directory_start: int) -> None:
    previous = 0
    for member in sorted(members, key=lambda each: each.header):
        if member.header < previous:
            raise VerificationError(f"The member {member} of the zip overlaps another one.")
        previous = member.stop
    if previous > directory_start:
        raise VerificationError("The zip's last member runs into the directory.")
