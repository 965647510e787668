"""The number of extracts in progress on a cluster, while it grows and shrinks."""

from __future__ import annotations

import asyncio

from bds_async.runs.cluster.slots import Slots


async def test_as_many_are_taken_as_there_are_and_a_fixed_number_does_not_grow() -> None:
    slots, under_way = Slots(), 0

    async def work() -> None:
        nonlocal under_way
        async with slots.one():
            under_way += 1
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(work()) for _ in range(5)]
    for threads, workers, expected in ((0, 0, 0), (1, 1, 2), (2, 2, 4), (1, 1, 4)):
        await slots.resize(threads, workers)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert under_way == expected
    assert slots.fix(16) == 1
    await slots.resize(8, 2)
    assert slots.size == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(Slots.one(slots).__aenter__(), 1)


async def test_a_task_that_asks_again_comes_after_those_that_wait() -> None:
    """Otherwise the first tasks would keep the slots, and the largest extracts would begin last."""
    slots, order = Slots(), list[int]()
    await slots.resize(1, 0)

    async def work(number: int) -> None:
        """Take a slot twice."""
        for _ in range(2):
            async with slots.one():
                order.append(number)
                await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*map(work, range(4))), 20)
    assert order == [0, 1, 2, 3, 0, 1, 2, 3]


async def test_a_cancelled_task_does_not_hold_up_the_others() -> None:
    slots = Slots()
    tasks = [asyncio.create_task(slots.one().__aenter__()) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await slots.resize(1, 0)
    await asyncio.wait_for(tasks[1], 20)
