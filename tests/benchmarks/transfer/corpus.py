"""The corpus: seeded zips with one CSV each, of any size and number."""

from __future__ import annotations

import random
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: Bytes of zip that one block of CSV yields, and how many times larger the CSV is.
BLOCK, INFLATION = 250_000, 2.8
#: Sizes of the standard corpus in bytes of zip, as shares of its total: 150 small, 40 medium, 8 large, 2 huge.
HUGE = (0.2412, 0.2512)
LARGE, MIDDLE, SMALL = 8, 40, 150


@dataclass(frozen=True)
class Corpus:
    """Zips in a folder; `names` are their file names, `size` their bytes in total."""

    folder: Path
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all zips together."""
        return sum((self.folder / name).stat().st_size for name in self.names)

    @property
    def small(self) -> Corpus:
        """Only the zips below 256 KB."""
        return Corpus(self.folder, tuple(name for name in self.names if (self.folder / name).stat().st_size < 256_000))


def standard_sizes(total: int, seed: int = 1) -> list[int]:
    """The sizes of 200 zips of `total` bytes, distributed like a tenant's extracts; small ones do not scale."""
    chance = random.Random(seed)
    sizes = [chance.uniform(2_000, 200_000) for _ in range(SMALL)]
    sizes += [chance.uniform(0.0005, 0.01) * total for _ in range(MIDDLE)]
    sizes += [share * total for share in HUGE]
    left = total - sum(sizes)
    weights = [chance.uniform(0.7, 1.3) for _ in range(LARGE)]
    return [int(size) for size in (*sizes, *(left * weight / sum(weights) for weight in weights))]


def make(folder: Path, sizes: Iterable[int], seed: int = 1) -> Corpus:
    """Write a zip of about each size to `folder`."""
    folder.mkdir(parents=True)
    names = []
    for number, size in enumerate(sizes):
        names.append(f"Set{number:05}.zip")
        _write(folder / names[-1], size, random.Random(seed * 1_000_003 + number))
    return Corpus(folder, tuple(names))


def _write(path: Path, size: int, chance: random.Random) -> None:
    """Write one deflated member, which repeats the deflated blocks with a numbered row between them."""
    with path.open("w+b") as file, zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo(f"{path.stem}.csv", (2026, 11, 22, 4, 9, 22))
        length = crc = 0
        with archive.open(info, "w", force_zip64=True) as member:
            for plain, deflated in _blocks(size, chance):
                length, crc = length + len(plain), zlib.crc32(plain, crc)
                member.write(deflated)
        # The member was written as stored; now its header says that it is deflated.
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, length, crc
        file.seek(info.header_offset)
        file.write(info.FileHeader(zip64=True))


def _blocks(size: int, chance: random.Random) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of plain and deflated bytes; each block is deflated independently."""
    yield _deflated(b"\xef\xbb\xbfRowId,UserId,OrgUnitId,EnrollmentDate,RoleName,IsActive\r\n")
    block = _deflated(_rows(int(min(size, BLOCK) * INFLATION), chance))
    for number in range(max(1, round(size / len(block[1])))):
        yield _deflated(b"%d,block\r\n" % number)
        yield block
    yield b"", zlib.compressobj(wbits=-15).flush()


def _deflated(plain: bytes) -> tuple[bytes, bytes]:
    stream = zlib.compressobj(1, wbits=-15)
    return plain, stream.compress(plain) + stream.flush(zlib.Z_FULL_FLUSH)


def _rows(size: int, chance: random.Random) -> bytes:
    rows: list[bytes] = []
    length = 0
    while length < size:
        moment = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T04:09:22.000Z"
        user, unit = uuid.UUID(int=chance.getrandbits(128)), chance.randint(6606, 6645)
        role = chance.choice(("Learner", "Instructor", "Teaching Assistant"))
        rows.append(b"%d,%s,%d,%s,%s,True\r\n" % (len(rows), str(user).encode(), unit, moment.encode(), role.encode()))
        length += len(rows[-1])
    return b"".join(rows)
