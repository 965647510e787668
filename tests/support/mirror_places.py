"""The place of a test's mirror, and its contents."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import duckdb

from bds_async import MirrorOptions, MirrorReport, mirror

Rows = list[dict[str, Any]]


class Place(ABC):
    """A mirror of a test."""

    into: str
    schema = "bds"

    @abstractmethod
    async def fetch(self, query: str) -> Rows:
        """The rows of a query; `{s}` stands for the schema."""

    @abstractmethod
    async def drop(self) -> None:
        """Remove the mirror."""

    async def apply(self, folder: Path, **options: Any) -> MirrorReport:
        return await mirror(self.into, folder, MirrorOptions(schema=self.schema, **options))

    def mirror(self, folder: Path, **options: Any) -> MirrorReport:
        return asyncio.run(self.apply(folder, **options))

    def query(self, query: str) -> Rows:
        return asyncio.run(self.fetch(query.replace("{s}", f'"{self.schema}"')))

    def table(self, name: str) -> Rows:
        """The rows of a table, without private columns."""
        public = ("_bds_queued", "_bds_changed", "_bds_deleted")
        rows = self.query(f'SELECT * FROM {{s}}."{name}"')
        return [
            {column: value for column, value in row.items() if not column.startswith("_bds_") or column in public}
            for row in rows
        ]


@cache
def memory() -> duckdb.DuckDBPyConnection:
    """One database for all queries of a process, since creating one takes 30 ms."""
    return duckdb.connect(":memory:")


@contextmanager
def attached(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the tables of a file, which others may write again afterwards."""
    with memory().cursor() as connection:
        connection.execute(f"ATTACH '{path}' AS mirror (READ_ONLY)")
        try:
            connection.execute("USE mirror")
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute("DETACH mirror")


class DuckDBPlace(Place):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.into = f"duckdb:{path}"

    async def fetch(self, query: str) -> Rows:
        with attached(self.path) as connection:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    async def drop(self) -> None:
        self.path.unlink(missing_ok=True)


class PostgreSQLPlace(Place):
    def __init__(self, address: str, schema: str) -> None:
        self.into = address
        self.schema = schema

    async def fetch(self, query: str) -> Rows:
        connection = await asyncpg.connect(self.into)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def drop(self) -> None:
        connection = await asyncpg.connect(self.into)
        try:
            await connection.execute(f'DROP SCHEMA IF EXISTS "{self.schema}" CASCADE')
        finally:
            await connection.close()
