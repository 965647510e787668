"""asyncio logs nothing about failed futures that Dask leaves behind, and everything about ours."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bds_async.runs.cluster.quiet import quiet
from tests.support.stores import free_port


async def ours() -> None:
    raise ValueError("of this program")


async def left_behind(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What asyncio logs about two tasks whose exceptions are never retrieved: Dask's and ours."""
    # Not at the top: most workers of pytest collect this file without running it.
    from distributed.comm.core import connect

    with quiet():
        tasks = [asyncio.ensure_future(connect(f"tcp://127.0.0.1:{free_port()}", timeout=0.1))]
        tasks.append(asyncio.ensure_future(ours()))
        await asyncio.wait(tasks)
    tasks.clear()
    gc.collect()
    return [str(record.exc_info and record.exc_info[1]) for record in caplog.records if record.name == "asyncio"]


async def test_a_failed_future_of_dask_is_not_logged_and_one_of_ours_is(caplog: pytest.LogCaptureFixture) -> None:
    assert await left_behind(caplog) == ["of this program"]
