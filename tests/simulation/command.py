"""The real command in a separate process, at a simulated moment, killed at any wanted place."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

#: Modules to import once, in the server that forks the processes.
PRELOADED = [
    __name__,
    "bds_async.cli.sync",
    "bds_async.brightspace.connection",
    "bds_async.runs.rebuild",
    "asyncpg",
    "duckdb",
]
#: Places in the code where a process can be killed: between steps that belong together.
PLACES = (
    "bds_async.support.durable.rename",
    "bds_async.support.durable.fsync_file",
    "bds_async.transfer.partial.clear_away",
    "bds_async.ledger.deliveries.Deliveries.intend",
    "bds_async.ledger.deliveries.Deliveries.finish",
    "bds_async.ledger.syncs.Syncs.keep",
    "bds_async.ledger.gaps.Gaps.settle",
)
#: Additional places, for a publication to a store.
STORE_PLACES = (
    "bds_async.destination.object_store.store.ObjectStore.place",
    "bds_async.destination.object_store.upload.Upload.attempt",
    "bds_async.destination.object_store.store.ObjectStore.recorded",
)
#: For each database, the function that runs a statement of a mirror.
STATEMENTS = {
    "duckdb": "bds_async.mirrors.databases.duckdb.DuckDBEngine._execute",
    "postgresql": "bds_async.mirrors.databases.postgresql.PostgreSQLEngine.run",
}
context: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
if sys.platform != "win32":
    context.set_forkserver_preload(PRELOADED)


@dataclass(frozen=True)
class Death:
    """SIGKILL after some seconds, or just before or after the n-th call of a place in the code."""

    seconds: float | None = None
    place: str | None = None
    call: int = 1
    before: bool = True


async def run(
    arguments: list[str],
    moment: datetime,
    output: Path,
    death: Death | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run `bds-async` to its end and return its exit code, or the negative number of the signal that killed it."""
    process = context.Process(target=_main, args=(arguments, moment, output, death, dict(environ)))
    process.start()
    try:
        if death is not None and death.seconds is not None:
            await asyncio.to_thread(process.join, death.seconds)
            process.kill()
        await asyncio.to_thread(process.join)
    finally:
        process.kill()
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def _main(
    arguments: list[str], moment: datetime, output: Path, death: Death | None, environ: dict[str, str]
) -> NoReturn:
    """Run as `bds-async` at a simulated moment."""
    os.environ.update(environ)
    with output.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from bds_async.cli.main import main
    from bds_async.support import clock

    ahead = moment - datetime.now(UTC)
    clock.now = lambda: datetime.now(UTC) + ahead
    importlib.import_module("bds_async.brightspace.retry").BASE = 0.01  # type: ignore[attr-defined]
    if death is not None and death.place is not None:
        _die_at(death.place, death.call, before=death.before)
    sys.argv = ["bds-async", *arguments]
    main()


def _die_at(place: str, call: int, *, before: bool) -> None:
    """Kill this process just before or after the n-th call of a function."""
    holder, name = _found(place)
    original: Callable[..., Any] = getattr(holder, name)
    calls = iter(range(call - 1, -1, -1))

    def deadly(*args: Any, **kwargs: Any) -> Any:
        is_last = next(calls, 1) == 0
        if is_last and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, deadly)


def _found(place: str) -> tuple[Any, str]:
    """The owner of the function (a module, or a class in one) and the function's name."""
    path, name = place.rsplit(".", 1)
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, holder = path.rsplit(".", 1)
        return getattr(importlib.import_module(module), holder), name
