"""The zip of an extract: one CSV, deflated (or stored, for the huge one), byte-identical each time."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from ...registry import Column
from ..settings import SandboxSettings
from .contents import row_blocks
from .extracts import HUGE_TABLE, SandboxExtract
from .history import FULL
from .keys import KeyPlan
from .rows import CLASSES, RowFactory
from .tables import Table
from .values import OLDEST

BOM = b"\xef\xbb\xbf"
HUGE_BLOCK = 1 << 19
#: Bytes of a zip with one member that are not its data: local header, directory entry, end record, without the names.
ZIP_OVERHEAD = 30 + 46 + 22


def csv_blocks(extract: SandboxExtract) -> Iterator[bytes]:
    """Yield the CSV of an extract in blocks: BOM and header first, then the rows."""
    yield BOM + extract.data_set.row_factory(extract.columns).header().encode()
    if extract.data_set.table is HUGE_TABLE:
        yield from _huge_rows(extract.data_set.settings)
    else:
        yield from row_blocks(extract)


def _huge_rows(settings: SandboxSettings) -> Iterator[bytes]:
    draw = Random(settings.seed)
    payload = draw.randbytes(HUGE_BLOCK // 2).hex().encode()
    left, number = settings.huge_bytes, 0
    while left > 0:
        head = b"%d," % number
        row = head + payload[number % 1000 : number % 1000 + max(0, left - len(head) - 2)] + b"\r\n"
        yield row
        left -= len(row)
        number += 1


def write_zip(extract: SandboxExtract, path: Path, check: Callable[[], None]) -> None:
    """Write the zip of an extract to a file, block by block, calling `check` before each."""
    member = zipfile.ZipInfo(extract.data_set.table.csv_name, extract.created.timetuple()[:6])
    huge = extract.data_set.table is HUGE_TABLE
    member.compress_type = zipfile.ZIP_STORED if huge else zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    member.create_system = 3
    with zipfile.ZipFile(path, "w", compresslevel=1) as archive:
        # Set here, since a ZipInfo passed to open() does not inherit the archive's level.
        member._compresslevel = 1  # type: ignore[attr-defined]  # noqa: SLF001
        with archive.open(
            member, "w", force_zip64=huge and extract.data_set.settings.huge_bytes > 2**31 - 2**20
        ) as out:
            for block in csv_blocks(extract):
                check()
                out.write(block)


class Weights(NamedTuple):
    """Sizes of the parts of a zip in bytes: everything except rows, each of the first rows, each further row."""

    frame: int
    first: float
    more: float


class SizeEstimates:
    """Estimated sizes of zips that are not generated yet, from the size of the first rows and of each further row."""

    def __init__(self) -> None:
        self._weights: dict[tuple[str, str], Weights] = {}

    def size(self, extract: SandboxExtract) -> int:
        """Return the approximate size of the zip in bytes; the same in every run."""
        table = extract.data_set.table
        if table is HUGE_TABLE:
            return extract.data_set.settings.huge_bytes + 200
        key = table.name, extract.version
        if key not in self._weights:
            self._weights[key] = _weights(table, extract.columns, extract.data_set.history.keys)
        weights, rows = self._weights[key], _rows(extract)
        return int(weights.frame + min(rows, CLASSES) * weights.first + max(0, rows - CLASSES) * weights.more)


def _rows(extract: SandboxExtract) -> int:
    schedule = extract.data_set.schedule
    count = schedule.rows_at(extract.tick)
    if extract.bds_type == FULL:
        return count
    before = schedule.rows_at(extract.tick - 1)
    return before // CLASSES + count - before


@lru_cache(1024)
def _weights(table: Table, columns: tuple[Column, ...], keys: KeyPlan) -> Weights:
    """Measure the deflated size of the first row of a class, and of a later row, which repeats it except for the key.

    The moments are the same in every sandbox, so that a process measures a table only once.
    """
    factory = RowFactory(table, columns, keys, lambda tick: OLDEST + timedelta(days=tick))
    header = len(zlib.compress(BOM + factory.header().encode(), 1))
    block, *others = factory.rows(range(17 * CLASSES), 0)
    first = len(zlib.compress(block, 1))
    both = len(zlib.compress(b"".join([block, *others]), 1))
    frame = ZIP_OVERHEAD + 2 * len(table.csv_name) + header
    return Weights(frame, first / CLASSES, (both - first) / (len(others) * CLASSES))
