"""The small interface between the rules of a mirror and a database, with one implementation for each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from ...registry.conversion import Dialect
from ..sql.staging import Stage

#: A row of a result.
Row = tuple[Any, ...]


class Misfits(Protocol):
    """Receives the rows of `Stage.misfits`, one page at a time."""

    async def __call__(self, stage: Stage, rows: list[Row], first: int) -> None:
        """Record rows, whose numbers count from `first`."""


class Engine(Protocol):
    """A database with its own connection. Raises TargetError, TargetBusy.

    `row` is the SQL expression for the location of a row, `number` that for the position of a staged record. Temporary
    tables live as long as the connection. A cancelled call ends the running statement.
    """

    dialect: Dialect
    row: str
    number: str

    async def run(self, sql: str, *values: object) -> list[Row]:
        """Execute one statement with the values of `$1`, `$2`, … and return its rows."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Commit the statements inside, or roll them back on an exception."""
        ...

    async def load(self, stage: Stage, chunks: AsyncIterator[bytes], newline: bytes, misfits: Misfits) -> None:
        """Fill a stage with the CSV records of the chunks, and pass its bad rows to `misfits`."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
