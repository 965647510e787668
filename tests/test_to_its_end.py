"""Work that was begun comes to its end, and a cancellation is not lost by it."""

from __future__ import annotations

import asyncio

import pytest

from bds_async.concurrency.to_its_end import to_its_end


async def wait_then_note(go_on: asyncio.Event, notes: list[str]) -> str:
    await go_on.wait()
    notes.append("done")
    return "result"


async def test_the_result_and_the_error_of_the_work_come_through() -> None:
    go_on = asyncio.Event()
    go_on.set()
    assert await to_its_end(wait_then_note(go_on, [])) == "result"
    with pytest.raises(TimeoutError):
        await to_its_end(asyncio.wait_for(asyncio.Event().wait(), 0))


@pytest.mark.parametrize("cancellations", [1, 3])
async def test_a_cancellation_waits_for_the_work_and_then_goes_on(cancellations: int) -> None:
    go_on, notes = asyncio.Event(), list[str]()
    task = asyncio.create_task(to_its_end(wait_then_note(go_on, notes)))
    for _ in range(cancellations):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert notes == ["done"]


async def test_an_error_after_a_cancellation_gives_way_to_it() -> None:
    """And asyncio has nothing to complain about."""

    async def fail(go_on: asyncio.Event) -> None:
        await go_on.wait()
        raise OSError

    go_on = asyncio.Event()
    task = asyncio.create_task(to_its_end(fail(go_on)))
    await asyncio.sleep(0)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
