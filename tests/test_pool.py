"""The bounded pool: what is put in gets done, the largest first, by no more workers than there are."""

import asyncio
import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.concurrency.pool import Pool
from bds_async.errors import DestinationError, ExtractError


class Gang:
    """Work that notes what it was given and how many were at it at a time."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.now = self.most = 0

    async def __call__(self, job: int) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        self.done.append(job)


async def drain(pool: Pool) -> None:
    await pool.run(pool.drained())


async def test_no_more_jobs_are_in_hand_than_there_are_workers():
    gang = Gang()
    pool = Pool(4, gang)
    for job in range(50):
        pool.put(job)
    await drain(pool)
    assert sorted(gang.done) == list(range(50))
    assert gang.most == 4


async def test_an_empty_pool_is_done_at_once():
    await drain(Pool(3, Gang()))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 5)))
async def test_the_largest_comes_first_and_of_equals_the_one_that_was_put_first(sizes):
    gang = Gang()
    pool = Pool(1, gang)
    for job, size in enumerate(sizes):
        pool.put(job, size)
    await drain(pool)
    assert gang.done == sorted(range(len(sizes)), key=lambda job: -sizes[job])


async def test_jobs_need_not_be_comparable():
    done = []

    async def work(job: object) -> None:
        done.append(job)

    pool = Pool(2, work)
    for _ in range(3):
        pool.put(object(), 7)
    await drain(pool)
    assert len(done) == 3


async def test_work_may_put_in_more_and_drained_waits_for_that_too():
    done = []

    async def work(depth: int) -> None:
        await asyncio.sleep(0)
        done.append(depth)
        for _ in range(2 if depth else 0):
            pool.put(depth - 1)

    pool = Pool(3, work)
    pool.put(4)
    await drain(pool)
    assert len(done) == 31


async def test_it_works_until_it_is_told_to_end_not_until_it_is_empty():
    ended, done = asyncio.Event(), asyncio.Event()

    async def work(job: int) -> None:
        done.set()

    pool = Pool(2, work)
    running = asyncio.create_task(pool.run(ended.wait()))
    await pool.drained()
    pool.put(1)
    await done.wait()
    assert not running.done()
    ended.set()
    await running


async def test_what_work_raises_stops_all_workers_and_comes_out_in_a_group():
    stopped = asyncio.Event()

    async def work(job: str) -> None:
        if job == "bad":
            raise DestinationError("full")
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    pool = Pool(2, work)
    for job in ("endless", "bad", "never begun"):
        pool.put(job)
    with pytest.raises(BaseExceptionGroup) as caught:
        await drain(pool)
    assert [type(error) for error in caught.value.exceptions] == [DestinationError]
    assert stopped.is_set()


async def test_what_until_raises_stops_the_workers_too():
    async def fail() -> None:
        raise ExtractError("no")

    with pytest.raises(BaseExceptionGroup) as caught:
        await Pool(2, Gang()).run(fail())
    assert isinstance(caught.value.exceptions[0], ExtractError)


async def test_cancelling_a_run_cancels_its_workers_and_leaves_no_task_behind():
    begun = asyncio.Event()

    async def work(job: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    pool = Pool(2, work)
    pool.put(1)
    running = asyncio.create_task(drain(pool))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
