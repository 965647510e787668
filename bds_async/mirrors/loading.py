"""Loading of the CSV of one extract into a stage, and of its unusable records and values into a table of rejects."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..destination import Destination
from ..formats.csv_lines import LineMap
from ..formats.csv_records import NoHeader, Records, Reject
from ..support.uninterrupted import outlast
from .databases import Engine, Row
from .published import INSPECT, FileChanged, csv_blocks
from .source import SourceExtract
from .sql.staging import Stage

Item = TypeVar("Item")
#: Bytes of CSV that the database gets at a time.
CHUNK = 16 * 1024 * 1024
#: The temporary table for the rejects of the current extract.
REJECTS = "_bds_reject_lines"
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A filled stage, with the number of rows in the file and of lines in the rejects."""

    stage: Stage
    rows: int
    rejected: int


class Loading:
    """The loading of one extract into a stage. Use `async with`; raises FileChanged."""

    def __init__(self, engine: Engine, destination: Destination, extract: SourceExtract) -> None:
        self._engine = engine
        self._destination = destination
        self._extract = extract
        self._opened = csv_blocks(destination, extract)
        self._exact: LineMap | None = None
        self.rejected = 0
        self.records: Records

    async def __aenter__(self) -> Loading:
        blocks = await asyncio.to_thread(self._opened.__enter__)
        try:
            self.records = await asyncio.to_thread(_records, blocks)
        except BaseException:
            self._opened.__exit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._opened.__exit__(None, None, None)

    async def into(self, stage: Stage) -> Loaded:
        """Create a stage and fill it."""
        await self._engine.run(f"DROP TABLE IF EXISTS {stage.name}")
        await self._engine.run(stage.create())
        await self._engine.run(f"DROP TABLE IF EXISTS {REJECTS}")
        await self._engine.run(f"CREATE TEMP TABLE {REJECTS} (line bigint, column_name text, value text, reason text)")
        self.records.reject_whole(stage.layout.positions(stage.table.key))
        await self._engine.load(stage, chunks_of(self.records), self.records.newline, self._take_misfits)
        for page in _pages(self.records.rejects):
            await self._write(page)
        return Loaded(stage, self.records.count, self.rejected)

    async def _take_misfits(self, stage: Stage, rows: list[Row], first: int) -> None:
        for page in _pages(rows):
            found: list[Reject] = []
            for number, *rest in page:
                line = await self._line_of(first + number)
                found += _misfits(stage, line, rest[: len(rest) // 2], rest[len(rest) // 2 :])
            await self._write(found)

    async def _line_of(self, record: int) -> int:
        if not self.records.lines.is_vague(record):
            return self.records.lines.line_of(record)
        if self._exact is None:
            self._exact = await asyncio.to_thread(self._read_lines)
        return self._exact.line_of(record)

    def _read_lines(self) -> LineMap:
        """Read the whole file again, to find the lines of its records."""
        with csv_blocks(self._destination, self._extract) as blocks:
            records = Records(blocks, exact=True)
            records.reject_whole(self.records.whole)
            for _ in records.pieces():
                records.rejects.clear()
            return records.lines

    async def _write(self, rejects: Sequence[Reject]) -> None:
        if not rejects:
            return
        self.rejected += len(rejects)
        columns = zip(*((each.line, each.column, each.value, each.reason) for each in rejects), strict=True)
        texts = "unnest($2::text[]), unnest($3::text[]), unnest($4::text[])"
        query = f"INSERT INTO {REJECTS} SELECT unnest($1::bigint[]), {texts}"
        await self._engine.run(query, *map(list, columns))


def _records(blocks: Iterator[bytes]) -> Records:
    try:
        return Records(blocks)
    except NoHeader:
        raise FileChanged("has no header row", INSPECT) from None


async def chunks_of(records: Records) -> AsyncIterator[bytes]:
    """Yield the clean records in chunks; meanwhile a thread reads the next chunk."""
    pieces = records.pieces()
    pending = asyncio.ensure_future(asyncio.to_thread(_chunk, pieces))
    try:
        while chunk := await asyncio.shield(pending):
            pending = asyncio.ensure_future(asyncio.to_thread(_chunk, pieces))
            yield chunk
    finally:
        # A generator cannot be closed while a thread is running it.
        await outlast(pending)
        pieces.close()


def _chunk(pieces: Generator[bytes, None, None]) -> bytes:
    found, size = [], 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= CHUNK:
            break
    return b"".join(found)


def _pages(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for first in range(0, len(items), _PAGE):
        yield items[first : first + _PAGE]


def _misfits(stage: Stage, line: int, fits: Sequence[bool], texts: Sequence[str | None]) -> Iterator[Reject]:
    """Yield the faults of one record: the whole record if its key is unusable, else each bad value."""
    layout, table = stage.layout, stage.table
    fault = _key_fault(stage, fits, texts)
    if fault is not None:
        yield Reject(line, None, _joined(texts), fault)
        return
    for place, (name, column) in enumerate(zip(layout.header, layout.columns, strict=True)):
        if not fits[place] and column.name not in table.key:
            yield Reject(line, name, texts[place] or "", f"does not fit {column.type.value}")


def _key_fault(stage: Stage, fits: Sequence[bool], texts: Sequence[str | None]) -> str | None:
    layout, table = stage.layout, stage.table
    if stage.lacks_key:
        return "the file lacks a column of the key"
    for place in layout.positions(table.key):
        column, name = layout.columns[place], layout.header[place]
        if not fits[place]:
            return f"the key column {name} does not fit {column.type.value}"
        if texts[place] is None and column.name not in table.optional:
            return f"the key column {name} is empty"
    return None


def _joined(texts: Sequence[str | None]) -> str:
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="").writerow([text or "" for text in texts])
    return sink.getvalue()
