"""DuckDB as a mirror's database: a file, opened by this process alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from ...errors import TargetBusy, TargetError
from ...formats.csv_record import RECORD_LIMIT
from ...registry.conversion import DUCKDB
from ...support.extras import missing
from ...support.os_errors import reason
from ...support.uninterrupted import outlast
from ..sql.staging import BAD, Stage
from .engine import Misfits, Row

Result = TypeVar("Result")
#: Memory that DuckDB may use; beyond that it writes to its temporary folder.
MEMORY = "500MB"
#: The magic bytes of a DuckDB database, after the checksum of its first header.
MAGIC, MAGIC_START = b"DUCK", 8
MAGIC_END = MAGIC_START + len(MAGIC)
_open_files: set[Path] = set()
_opening = threading.Lock()


class DuckDBEngine:
    """A DuckDB database. Blocking work runs in one thread; a cancellation interrupts the statement."""

    dialect = DUCKDB
    row = "rowid"
    number = "rowid"

    def __init__(self, path: Path, connection: Any, scratch: Path) -> None:
        self._path = path
        self._connection = connection
        self._scratch = scratch
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="duckdb")

    @classmethod
    async def open(cls, path: Path, scratch: Path, memory: str = MEMORY) -> Self:
        """Open or create the database at `path`; data that exceeds the memory goes below `scratch`.

        Raises ConfigError without the extra, TargetBusy, TargetError.
        """
        return await asyncio.to_thread(cls._open, path, scratch, memory)

    @classmethod
    def _open(cls, path: Path, scratch: Path, memory: str) -> Self:
        demand_duckdb()
        path, scratch = path.absolute(), scratch.absolute()
        if not path.parent.is_dir():
            raise TargetError(f"The folder of the mirror's database, {path.parent}, is not there: make it first.")
        _reserve(path)
        try:
            return cls(path, *_connect(path, scratch, memory))
        except BaseException:
            _open_files.discard(path)
            raise

    async def run(self, sql: str, *values: object) -> list[Row]:
        """Execute one statement."""
        return await self._do(lambda: self._execute(sql, values))

    def _execute(self, sql: str, values: tuple[object, ...] = ()) -> list[Row]:
        found = self._connection.execute(sql, list(values) or None).fetchall()
        return [tuple(row) for row in found]

    async def _do(self, work: Callable[[], Result]) -> Result:
        """Do blocking work in this connection's thread; interrupt it if the caller is cancelled."""
        import duckdb

        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._connection.interrupt()
            await outlast(future)
            raise
        except duckdb.Error as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> Exception:
        import duckdb

        if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException | duckdb.FatalException):
            text = " ".join(str(error).split())[:300]
            return TargetError(f"The mirror {self._path} cannot be written: {text} Make room, then run again.")
        return error

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit the statements inside, or roll them back."""
        await self.run("BEGIN TRANSACTION")
        try:
            yield
            await self.run("COMMIT")
        except BaseException:
            rollback = asyncio.ensure_future(self._rollback())
            await outlast(rollback)
            raise

    async def _rollback(self) -> None:
        import duckdb

        with contextlib.suppress(duckdb.Error):
            await self.run("ROLLBACK")

    async def load(self, stage: Stage, chunks: AsyncIterator[bytes], newline: bytes, misfits: Misfits) -> None:
        """Fill a stage chunk by chunk, through a file for DuckDB's parallel reader."""
        path = self._scratch / "chunk.csv"
        source = _reader(path, stage.raw, newline)
        first = 0
        async for chunk in chunks:
            count = await self._do(partial(self._take, stage, chunk, path, source))
            if await self.run(f"SELECT 1 FROM {stage.name} WHERE rowid >= {first} AND {BAD} > 0 LIMIT 1"):
                await self._report(stage, source, first, misfits)
            first += count
        path.unlink(missing_ok=True)

    def _take(self, stage: Stage, chunk: bytes, path: Path, source: str) -> int:
        path.write_bytes(chunk)
        ((count,),) = self._execute(stage.insert(source))
        return int(count)

    async def _report(self, stage: Stage, source: str, first: int, misfits: Misfits) -> None:
        rows = await self.run(stage.misfits(source, "row_number() OVER () - 1"))
        await misfits(stage, rows, first)

    async def close(self) -> None:
        """Close the database and remove the temporary files."""
        with contextlib.suppress(Exception):
            await asyncio.to_thread(self._connection.close)
        _open_files.discard(self._path)
        self._executor.shutdown(wait=False)
        shutil.rmtree(self._scratch, ignore_errors=True)


def demand_duckdb() -> None:
    """Raise ConfigError if the package is not installed."""
    try:
        import duckdb  # noqa: F401
    except ImportError:
        raise missing("A mirror in DuckDB", "duckdb", "duckdb") from None


def demand_database(path: Path) -> None:
    """Raise TargetError for an existing file that is not a DuckDB database, or is inaccessible; blocks.

    DuckDB would open a .json or .csv as data and work in memory: everything applied would be lost at the end.
    """
    # Closing the file would release DuckDB's lock of a mirror that this process has open.
    with _opening:
        try:
            is_other = path.absolute() not in _open_files and path.exists() and not _is_database(path)
        except OSError as error:
            raise _opening_fault(path, reason(error)) from None
    if is_other:
        raise _opening_fault(path, "it is no DuckDB database", "Name another file, or move this one away.")


def _is_database(path: Path) -> bool:
    """Whether a file begins like a DuckDB database, or cannot be read (DuckDB says why). Raises OSError."""
    if not path.is_file():
        return False  # opening a pipe would wait for its writer
    try:
        with path.open("rb") as file:
            return file.read(MAGIC_END)[MAGIC_START:] == MAGIC
    except OSError:
        return True


def _reserve(path: Path) -> None:
    """Prevent other mirrors in this process from opening the file: DuckDB would share it."""
    with _opening:
        if path in _open_files:
            raise TargetBusy(f"Another mirror works on {path}: wait for it.")
        _open_files.add(path)


def _connect(path: Path, scratch: Path, memory: str) -> tuple[Any, Path]:
    import duckdb

    own = _scratch_folder(scratch)
    settings: dict[str, Any] = {"memory_limit": memory, "temp_directory": str(own), "threads": os.cpu_count() or 1}
    try:
        connection = duckdb.connect(str(path), config=settings)
    except duckdb.Error as error:
        shutil.rmtree(own, ignore_errors=True)
        raise _opening_fault(path, str(error)) from None
    connection.execute("SET preserve_insertion_order = true")
    return connection, own


def _scratch_folder(scratch: Path) -> Path:
    """Create a temporary folder below `scratch`; remove those of killed runs first."""
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        for left in scratch.glob("mirror-*"):
            if not _is_held(left):
                shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"mirror-{os.getpid()}-", dir=scratch))
    except OSError as error:
        raise TargetError(f"No temporary files can be written in {scratch}: {error.strerror}.") from None


def _is_held(folder: Path) -> bool:
    """Whether the process that created a temporary folder is still running."""
    number = folder.name.split("-")[1]
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _opening_fault(path: Path, text: str, advice: str = "Check its permissions, or name another file.") -> Exception:
    whole = " ".join(text.split()).removeprefix("IO Error: ")
    if whole.startswith("Could not set lock") or "being used by another process" in whole:
        return TargetBusy(f"Another program has {path} open: close it, then run again.")
    if "Corrupt database" in whole:
        advice = "Restore it from a backup, or move it away: the next mirror makes it again from the files."
    brief = whole[:300].rstrip(".")
    return TargetError(f"The mirror's database {path} cannot be opened: {brief}. {advice}")


def _reader(path: Path, raw: list[str], newline: bytes) -> str:
    """Return the table function that reads a chunk as texts, without guessing or skipping anything."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in raw)
    end = "\\r\\n" if newline == b"\r\n" else "\\n"
    place = str(path).replace("'", "''")
    return (
        f"read_csv('{place}', auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', "
        f"new_line = '{end}', nullstr = '', max_line_size = {2 * RECORD_LIMIT}, "
        f"columns = {{{columns}}})"
    )
