"""The members of a zip and the position of their bytes, by the directory and their own headers, which must agree.

Nothing is inflated here, and no member's name is used as a path.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import UnusableArchive, VerificationError
from .zip_directory import Directory, directory_of

#: Bytes that a directory may have (about 150,000 members), so that memory stays bounded.
DIRECTORY_LIMIT = 8 * 1024 * 1024

_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\3\4"
#: Flags of a member: encrypted (two ways), a patch to something else; its sizes come after it; its name is UTF-8.
_ENCRYPTED, _PATCH, _SIZES_FOLLOW, _UTF_8 = 0x41, 0x20, 0x8, 0x800
_IN_ZIP64_FIELD = 0xFFFFFFFF
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: What zipfile raises for a malformed directory.
_NONSENSE = (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OverflowError, EOFError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a zip: its own header begins at `header`, its compressed bytes go from `start` to `stop`.

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

    Raises VerificationError for a file that is no whole zip, UnusableArchive for one that cannot be used.
    """
    directory = directory_of(file, size)
    if directory.size > DIRECTORY_LIMIT:
        raise UnusableArchive(f"The zip's directory has {directory.size} bytes, which is more than any extract needs.")
    entries = _entries(file, directory)
    if any(info.header_offset >= directory.start for info in entries):
        raise VerificationError("The zip's directory names members beyond itself.")
    members = [_member(file, info) for info in entries]
    _check_spans(members, directory.start)
    return members


def _entries(file: BinaryIO, directory: Directory) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            entries, start = archive.infolist(), archive.start_dir
    except _NONSENSE as error:
        raise VerificationError(f"The zip's directory cannot be read: {ascii(str(error))[:120]}.") from error
    if start != directory.start or len(entries) != directory.entries:
        raise VerificationError("The zip's directory does not match its end record.")
    return entries


def _member(file: BinaryIO, info: zipfile.ZipInfo) -> Member:
    name = ascii(info.orig_filename)[:80]
    start = _data_start(file, info, name)
    if info.flag_bits & (_ENCRYPTED | _PATCH):
        what = "encrypted" if info.flag_bits & _ENCRYPTED else "a patch to another file"
        raise UnusableArchive(f"The member {name} of the zip is {what}.")
    if info.compress_type not in _METHODS:
        raise UnusableArchive(f"The member {name} of the zip is compressed by method {info.compress_type}.")
    is_deflated = info.compress_type == zipfile.ZIP_DEFLATED
    if not is_deflated and info.compress_size != info.file_size:
        raise VerificationError(f"The directory's sizes of the member {name} of the zip disagree.")
    stop = start + info.compress_size
    return Member(info.orig_filename, is_deflated, info.header_offset, start, stop, info.file_size, info.CRC)


def _data_start(file: BinaryIO, info: zipfile.ZipInfo, name: str) -> int:
    file.seek(info.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
        raise VerificationError(f"The member {name} of the zip is not where the directory says.")
    _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _LOCAL.unpack(header)
    agrees = (
        method == info.compress_type
        and (flags ^ info.flag_bits) & (_ENCRYPTED | _PATCH) == 0
        and file.read(name_length) == _raw_name(info)
        and (flags & _SIZES_FOLLOW or _agrees(info, crc, compressed, size))
    )
    if not agrees:
        raise VerificationError(f"The member {name} of the zip and the directory's entry for it disagree.")
    return info.header_offset + _LOCAL.size + int(name_length) + int(extra_length)


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437")


def _agrees(info: zipfile.ZipInfo, crc: int, compressed: int, size: int) -> bool:
    pairs = ((compressed, info.compress_size), (size, info.file_size))
    return crc == info.CRC and all(local in {known, _IN_ZIP64_FIELD} for local, known in pairs)


def _check_spans(members: Iterable[Member], directory_start: int) -> None:
    previous = 0
    for member in sorted(members, key=lambda each: each.header):
        if member.header < previous:
            raise VerificationError(f"The member {member} of the zip overlaps another one.")
        previous = member.stop
    if previous > directory_start:
        raise VerificationError("The zip's last member runs into the directory.")
