"""The small interface that the rules of a mirror need of a database; one implementation for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from ...registry.conversion import Dialect
from ..sql.staging import Stage

#: A row of a result.
Row = tuple[Any, ...]


class Misfits(Protocol):
    """Takes the rows of `Stage.misfits`, a page at a time."""

    async def __call__(self, stage: Stage, rows: list[Row], first: int) -> None:
        """Note rows whose numbers begin at `first`."""


class Engine(Protocol):
    """A database with a connection of its own. Raises TargetError, TargetBusy.

    `row` is the expression for where a row of a table is, `number` the one for the place of a staged record. Temporary
    tables live as long as the connection. A cancelled call ends the statement under way.
    """

    dialect: Dialect
    row: str
    number: str

    async def run(self, sql: str, *values: object) -> list[Row]:
        """Execute one statement with the values of `$1`, `$2`, … and return its rows."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Commit what is done inside, or roll it back when that raises."""
        ...

    async def load(self, stage: Stage, chunks: AsyncIterator[bytes], newline: bytes, misfits: Misfits) -> None:
        """Fill a stage with the CSV records of some chunks, and hand its bad rows to `misfits`."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
