"""Conversion of clean rows to Parquet by DuckDB: one at a time, in bounded memory, interruptible by `watch`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import DestinationError, UnusableArchive, VerificationError
from ..registry import ColumnType
from ..registry.conversion import DUCKDB
from ..support.extras import missing
from .clean_rows import INSTEAD, CleanRows
from .reading import Watch

#: Rows of a row group, and the most bytes of CSV in one.
ROWS, GROUP_BYTES = 122_880, 64 * 1024 * 1024
#: Memory and threads that DuckDB may use; more threads would need more memory.
MEMORY, THREADS = "320MB", min(4, os.cpu_count() or 1)
#: Seconds between two checks whether the run is over.
LOOK = 0.2

_turn = threading.Lock()


def demand_duckdb() -> Any:
    """The duckdb module; raises ConfigError if it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise missing("`publish_as='parquet'`", "duckdb", "parquet") from None
    return duckdb


def write_parquet(rows: CleanRows, types: Sequence[ColumnType], target: Path, watch: Watch) -> tuple[str, ...]:
    """Write `rows` to `target`; return the columns that became text because a value does not fit their type.

    Raises UnusableArchive, ConfigError, DestinationError, and as `watch` does.
    """
    with _connected(watch, target.parent) as connection:
        misfits: set[int] = set()
        try:
            connection.execute(_copy(rows, types, target))
        except demand_duckdb().InvalidInputException:
            misfits = _misfits(connection, rows, types)
            if not misfits:
                raise
            as_text = [ColumnType.NVARCHAR if place in misfits else kind for place, kind in enumerate(types)]
            connection.execute(_copy(rows, as_text, target))
        _check_count(connection, rows, target)
        return tuple(rows.header[place] for place in sorted(misfits))


def columns_in(path: Path) -> tuple[str, ...]:
    """The columns of a Parquet file; raises VerificationError if its footer cannot be read, ConfigError."""
    duckdb = demand_duckdb()
    # A separate database: if a damaged file made a shared one unusable, every later file would fail.
    with contextlib.closing(_new_database()) as connection:
        try:
            found = connection.execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(path)]).fetchall()
        except duckdb.Error:
            raise VerificationError("It is no whole Parquet file: its footer cannot be read.") from None
    return tuple(name for name, *_ in found)


@cache
def _shared_database() -> Any:
    """The database for all conversions: creating one takes longer than converting a small extract."""
    return _new_database()


def _new_database() -> Any:
    """A database in memory."""
    settings = {
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    return demand_duckdb().connect(":memory:", config=settings)


@contextlib.contextmanager
def _connected(watch: Watch, folder: Path) -> Iterator[Any]:
    """Open a connection for one conversion; translate DuckDB's errors to those of a format."""
    duckdb = demand_duckdb()
    with (
        _in_turn(watch),
        contextlib.closing(_shared_database().cursor()) as connection,
        _interrupted_by(watch, connection),
    ):
        try:
            yield connection
        except duckdb.InterruptException:
            watch(0)
            raise
        except duckdb.OutOfMemoryException:
            raise UnusableArchive(f"The rows of the CSV are too long for a Parquet file; {INSTEAD}.") from None
        except duckdb.IOException as error:
            text = _brief(error)
            raise DestinationError(
                f"No Parquet file can be written in {folder}: {text} Run again after that."
            ) from None
        except duckdb.Error as error:
            # After a fatal error a database refuses all further work.
            _shared_database.cache_clear()
            raise UnusableArchive(f"DuckDB cannot write the CSV as Parquet ({_brief(error)}); {INSTEAD}.") from None


@contextlib.contextmanager
def _in_turn(watch: Watch) -> Iterator[None]:
    while not _turn.acquire(timeout=LOOK):
        watch(0)
    try:
        yield
    finally:
        _turn.release()


@contextlib.contextmanager
def _interrupted_by(watch: Watch, connection: Any) -> Iterator[None]:
    """Interrupt the running statement once `watch` raises; the statement then raises InterruptException."""
    done = threading.Event()

    def look() -> None:
        """Interrupt the connection as soon as `watch` raises."""
        while not done.wait(LOOK):
            try:
                watch(0)
            except Exception:
                connection.interrupt()

    looker = threading.Thread(target=look, name="parquet", daemon=True)
    looker.start()
    try:
        yield
    finally:
        done.set()
        looker.join()


def _brief(error: Exception) -> str:
    return " ".join(str(error).splitlines()[:1])[:200]


def _copy(rows: CleanRows, types: Sequence[ColumnType], target: Path) -> str:
    pairs = enumerate(zip(rows.header, types, strict=True))
    values = ", ".join(f"{_value(f'c{place}', kind)} AS {_quoted(name)}" for place, (name, kind) in pairs)
    size = max(1, min(ROWS, GROUP_BYTES // max(1, rows.density)))
    options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {size}, USE_TMP_FILE false"
    return f"COPY (SELECT {values} FROM {_source(rows)}) TO {_literal(target)} ({options})"


def _value(raw: str, kind: ColumnType) -> str:
    """The SQL of a typed value; a text that does not fit ends the statement with InvalidInputException."""
    if kind is ColumnType.NVARCHAR:
        return raw
    return f"CASE WHEN {raw} IS NOT NULL THEN coalesce({DUCKDB.cast(kind, raw)}, error('misfit')) END"


def _misfits(connection: Any, rows: CleanRows, types: Sequence[ColumnType]) -> set[int]:
    """The positions of the columns with a value that does not fit their type."""
    tests = (f"bool_or(c{place} IS NOT NULL AND {DUCKDB.cast(kind, f'c{place}')} IS NULL)"
             for place, kind in enumerate(types))  # fmt: skip
    (found,) = connection.execute(f"SELECT {', '.join(tests)} FROM {_source(rows)}").fetchall()
    return {place for place, is_misfit in enumerate(found) if is_misfit}


def _check_count(connection: Any, rows: CleanRows, target: Path) -> None:
    query = f"SELECT num_rows FROM parquet_file_metadata({_literal(target)})"
    ((written,),) = connection.execute(query).fetchall()
    if written != rows.count:
        text = f"DuckDB wrote {written:,} of the {rows.count:,} rows of the CSV"
        raise UnusableArchive(f"{text}, so the Parquet file is not published; {INSTEAD}.")


def _source(rows: CleanRows) -> str:
    """The table function that reads the rows as texts `c0`, `c1`, ..., without guessing or skipping anything."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(rows.header)))
    end = "\\r\\n" if rows.newline == b"\r\n" else "\\n"
    # With smaller buffers DuckDB uses more memory, since more of them are in use at a time.
    line = max(rows.longest, 1024 * 1024)
    return (
        f"read_csv({_literal(rows.path)}, auto_detect = false, header = false, delim = ',', quote = '\"', "
        f"escape = '\"', new_line = '{end}', nullstr = '', max_line_size = {line}, buffer_size = {4 * line}, "
        f"columns = {{{columns}}})"
    )


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
