"""Damaged archives, and zips of unusual shapes."""

from __future__ import annotations

import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..data.archives import write_zip
from ..data.extracts import SandboxExtract
from ..data.spool import Writer
from .model import Fault

SOME_CSV = b"\xef\xbb\xbfId,Name\r\n1,one\r\n"
BLOCK = 1 << 20
#: Bytes at the end of deflated data, where a flipped bit may be padding and have no effect.
LAST_BITS = 8


def faulty_archive(extract: SandboxExtract, faults: tuple[Fault, ...]) -> tuple[Fault, Writer] | None:
    """Return the fault that alters an archive, and a function that writes the altered archive; or None."""
    for fault in faults:
        if fault.action in ("corrupt", "zip", "gzip"):
            return fault, partial(_write, extract, fault)
    return None


def _write(extract: SandboxExtract, fault: Fault, path: Path, check: Callable[[], None]) -> None:
    if fault.action == "zip":
        SHAPES[fault["shape"]](extract, fault, path)
        return
    write_zip(extract, path, check)
    DAMAGES["gzip" if fault.action == "gzip" else fault["how"]](path, fault)


def _flip(path: Path, fault: Fault) -> None:
    """Flip one bit of the first member's data, so that its CRC-32 does not match."""
    with zipfile.ZipFile(path) as archive:
        packed = archive.infolist()[0].compress_size
    with path.open("r+b") as file:
        header = file.read(30)
        name, extra = struct.unpack("<HH", header[26:30])
        place = 30 + name + extra + min(int(packed * fault["share"]), packed - LAST_BITS)
        file.seek(place)
        old = file.read(1)[0]
        file.seek(place)
        file.write(bytes([old ^ 0x10]))


def _truncate(path: Path, fault: Fault) -> None:
    """Replace the bytes after the share by zeros; the length stays."""
    size = path.stat().st_size
    _shorten(path, fault)
    with path.open("r+b") as file:
        file.truncate(size)


def _shorten(path: Path, fault: Fault) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * fault["share"]))


def _gzip(path: Path, _: Fault) -> None:
    packed = path.with_suffix(".gz")
    packer = zlib.compressobj(1, wbits=31)
    with path.open("rb") as plain, packed.open("wb") as out:
        while block := plain.read(BLOCK):
            out.write(packer.compress(block))
        out.write(packer.flush())
    shutil.move(packed, path)


def _members(names: list[str], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), SOME_CSV)


def _empty(_: SandboxExtract, __: Fault, path: Path) -> None:
    _members([], path)


def _numbered(count: int, extract: SandboxExtract, _: Fault, path: Path) -> None:
    stem = extract.data_set.table.csv_name.removesuffix(".csv")
    _members([f"{stem}{number or ''}.csv" for number in range(count)], path)


def _named(_: SandboxExtract, fault: Fault, path: Path) -> None:
    _members([fault["name"]], path)


def _encrypted(extract: SandboxExtract, _: Fault, path: Path) -> None:
    """Set the encryption flag in the local header and in the directory."""
    _members([extract.data_set.table.csv_name], path)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def _zip64(extract: SandboxExtract, _: Fault, path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w") as archive,
        archive.open(zipfile.ZipInfo(extract.data_set.table.csv_name), "w", force_zip64=True) as out,
    ):
        out.write(SOME_CSV)


def _bomb(extract: SandboxExtract, fault: Fault, path: Path) -> None:
    member = zipfile.ZipInfo(extract.data_set.table.csv_name)
    member.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive, archive.open(member, "w", force_zip64=fault["bytes"] > 2**31) as out:
        out.write(SOME_CSV)
        for _ in range(fault["bytes"] // BLOCK):
            out.write(b"0" * BLOCK)


DAMAGES: dict[str, Callable[[Path, Fault], None]] = {
    "flip": _flip,
    "truncate": _truncate,
    "shorten": _shorten,
    "gzip": _gzip,
}
SHAPES: dict[str, Callable[[SandboxExtract, Fault, Path], None]] = {
    "empty": _empty,
    "two": partial(_numbered, 2),
    "twenty": partial(_numbered, 20),
    "named": _named,
    "encrypted": _encrypted,
    "zip64": _zip64,
    "bomb": _bomb,
}
