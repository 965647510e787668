"""Tasks wait for an event that happens once."""

from __future__ import annotations

import asyncio

from bds_async.support.once import Once


async def test_every_waiting_task_goes_on_but_a_cancelled_one() -> None:
    once = await asyncio.to_thread(Once)
    waiting = [asyncio.create_task(once.happened()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[1:3]:
        task.cancel()
    await asyncio.sleep(0)
    assert not once.has_happened
    once.happen()
    once.happen()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in done] == [False, True, True, False, False]
    assert once.has_happened
    await asyncio.wait_for(once.happened(), 1)


async def test_a_task_may_wait_after_all_others_were_cancelled() -> None:
    once = Once()
    first = asyncio.create_task(once.happened())
    await asyncio.sleep(0)
    first.cancel()
    second = asyncio.create_task(once.happened())
    await asyncio.sleep(0)
    once.happen()
    await asyncio.wait_for(second, 1)
