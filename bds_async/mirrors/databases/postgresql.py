"""PostgreSQL as a mirror's database: asyncpg, `COPY` into a temporary table of texts, then SQL."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from ...errors import TargetBusy, TargetError
from ...registry.conversion import POSTGRESQL
from ...support.extras import missing
from ..sql.staging import BAD, NUMBER, Stage
from .engine import Misfits, Row
from .target import Target

#: Seconds to wait for a connection, and for another mirror that is about to finish.
CONNECT_TIMEOUT, LOCK_PATIENCE = 20.0, 5.0
#: Memory for one sort or hash on the server, and the number of misfits fetched at a time.
WORK_MEMORY, PAGE = "64MB", 1000
_RAW = "_bds_raw"


class PostgreSQLEngine:
    """A connection to PostgreSQL that holds the schema's advisory lock. A cancellation cancels the statement."""

    dialect = POSTGRESQL
    row = "ctid"
    number = NUMBER

    def __init__(self, target: Target, connection: Any) -> None:
        self._target = target
        self._connection = connection

    @classmethod
    async def open(cls, target: Target, schema: str) -> Self:
        """Connect and take the lock of a schema. Raises ConfigError without the extra, TargetBusy, TargetError."""
        demand_asyncpg()
        import asyncpg

        with _opening(target):
            connection = await asyncpg.connect(
                target.address, timeout=CONNECT_TIMEOUT, statement_cache_size=0, password=target.password
            )
        engine = cls(target, connection)
        try:
            await engine._prepare()
            await engine._lock(schema)
        except BaseException:
            await engine.close()
            raise
        return engine

    async def _prepare(self) -> None:
        with contextlib.suppress(Exception):
            # If the server supports it (PostgreSQL 14), the statement of a killed mirror ends soon.
            await self._connection.execute("SET client_connection_check_interval = '1s'")
        await self.run(f"SET work_mem = '{WORK_MEMORY}'")
        await self.run("SET client_min_messages = 'warning'")

    async def _lock(self, schema: str) -> None:
        digest = hashlib.sha256(f"bds-async mirror {schema}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        for _ in range(int(LOCK_PATIENCE * 4)):
            if (await self.run("SELECT pg_try_advisory_lock($1)", number))[0][0]:
                return
            await asyncio.sleep(0.25)
        raise TargetBusy(f"Another mirror works on the schema {schema} of {self._target}: wait for it.")

    async def run(self, sql: str, *values: object) -> list[Row]:
        """Execute one statement."""
        with self._faults():
            return [tuple(row) for row in await self._connection.fetch(sql, *values)]

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        import asyncpg

        try:
            yield
        except (asyncpg.InsufficientPrivilegeError, asyncpg.InsufficientResourcesError) as error:
            raise TargetError(f"The mirror {self._target} cannot be written: {error}.") from None
        except (asyncpg.ReadOnlySQLTransactionError, asyncpg.OperatorInterventionError) as error:
            raise TargetError(f"The mirror {self._target} cannot be written now: {error}.") from None
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError) as error:
            text = f"The connection to the mirror {self._target} broke: {error or type(error).__name__}."
            raise TargetError(f"{text} Run again to continue.") from None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit the statements inside, or roll them back."""
        with self._faults():
            async with self._connection.transaction():
                yield

    async def load(self, stage: Stage, chunks: AsyncIterator[bytes], newline: bytes, misfits: Misfits) -> None:
        """Fill a stage: `COPY` the texts, then convert them on the server."""
        del newline  # COPY detects it
        texts = ", ".join(f"{name} text" for name in stage.raw)
        await self.run(f"CREATE TEMP TABLE {_RAW} ({texts}, {NUMBER} bigint GENERATED ALWAYS AS IDENTITY)")
        try:
            with self._faults():
                await self._connection.copy_to_table(
                    _RAW, source=chunks, columns=stage.raw, format="csv", force_null=stage.raw, encoding="utf-8"
                )
            await self.run(stage.insert(_RAW, f"{NUMBER} - 1"))
            await self.run(f"ANALYZE {stage.name}")
            if await self.run(f"SELECT 1 FROM {stage.name} WHERE {BAD} > 0 LIMIT 1"):
                await self._report(stage, misfits)
        finally:
            with contextlib.suppress(Exception):
                await self._connection.execute(f"DROP TABLE IF EXISTS {_RAW}")

    async def _report(self, stage: Stage, misfits: Misfits) -> None:
        query = stage.misfits(_RAW, f"{NUMBER} - 1").replace("AS typed WHERE", f"AS typed WHERE {NUMBER} >= $1 AND", 1)
        last = 0
        while rows := await self.run(f"{query} LIMIT {PAGE}", last):
            await misfits(stage, rows, 0)
            last = rows[-1][0] + 1

    async def close(self) -> None:
        """Close the connection, which frees the lock."""
        with contextlib.suppress(Exception):
            await self._connection.close(timeout=2)


def demand_asyncpg() -> None:
    """Raise ConfigError if the package is not installed."""
    try:
        import asyncpg  # noqa: F401
    except ImportError:
        raise missing("A mirror in PostgreSQL", "asyncpg", "postgresql") from None


@contextlib.contextmanager
def _opening(target: Target) -> Iterator[None]:
    import asyncpg

    try:
        yield
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise TargetError(
            f"PostgreSQL at {target} refuses the user or the password: set BDS_MIRROR, PGPASSWORD or ~/.pgpass."
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
        text = str(error) or type(error).__name__
        raise TargetError(f"PostgreSQL at {target} cannot be reached: {target.clean(text)}.") from None
