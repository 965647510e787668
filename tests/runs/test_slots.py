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
