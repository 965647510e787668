"""A pool is bounded; most of its workers take the largest job, some the smallest, and equal jobs keep their order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.support.pool import Pool


async def taken(workers: int, sizes: Sequence[int], small: int = 0) -> list[list[tuple[int, int]]]:
    """Which jobs (size and position in the queue) run at the same time, round by round, until none is left."""
    rounds: list[list[tuple[int, int]]] = []
    under_way: list[tuple[int, int]] = []
    ended = asyncio.Event()

    async def work(job: tuple[int, int]) -> None:
        """Take part in a round until the round ends."""
        under_way.append(job)
        await ended.wait()

    pool: Pool[tuple[int, int]] = Pool(workers, work, small)
    for number, size in enumerate(sizes):
        pool.put((size, number), size)

    async def go_on() -> None:
        """End round after round."""
        nonlocal ended
        while len(under_way) + sum(map(len, rounds)) < len(sizes) or under_way:
            before = None
            while before != len(under_way):
                before = len(under_way)
                await asyncio.sleep(0)
            rounds.append(under_way.copy())
            under_way.clear()
            ended.set()
            ended = asyncio.Event()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await pool.drained()

    await asyncio.wait_for(pool.run(go_on()), 20)
    return rounds


async def test_some_workers_take_the_smallest_jobs_while_there_is_enough_for_all() -> None:
    """The others take the largest. Once the largest would be the last to end, every worker takes that."""
    rounds = await taken(4, [5, 1, 4, 8, 2, 7, 3, 6, 5, 5], small=1)
    assert [sorted(size for size, _ in each) for each in rounds] == [[1, 6, 7, 8], [2, 5, 5, 5], [3, 4]]


async def test_a_large_job_does_not_wait_for_small_ones_if_it_would_end_last() -> None:
    rounds = await taken(4, [*[1] * 8, 9, 9, 9, 9], small=1)
    assert [sorted(size for size, _ in each) for each in rounds][:2] == [[1, 9, 9, 9], [1, 1, 1, 9]]


async def test_without_such_workers_the_largest_jobs_are_taken_first() -> None:
    rounds = await taken(3, [1, 2, 3, 4, 5, 6])
    assert [sorted(size for size, _ in each) for each in rounds] == [[4, 5, 6], [1, 2, 3]]


async def test_a_rank_replaces_the_size_as_the_order() -> None:
    done: list[str] = []

    async def work(job: str) -> None:
        """Note the job."""
        done.append(job)

    pool: Pool[str] = Pool(1, work)
    pool.put("small", 5)
    pool.put("piece of a large one", 1, rank=100)
    await asyncio.wait_for(pool.run(pool.drained()), 20)
    assert done == ["piece of a large one", "small"]


@pytest.mark.parametrize("workers", [1, 4, 9])
async def test_equal_jobs_are_taken_in_the_order_of_arrival(workers: int) -> None:
    rounds = await taken(workers, [7] * 20, workers // 4)
    assert [sorted(number for _, number in each) for each in rounds] == [
        list(range(first, min(first + workers, 20))) for first in range(0, 20, workers)
    ]


@given(st.integers(1, 9), st.integers(0, 9), st.lists(st.integers(0, 9), max_size=30))
def test_each_job_is_done_once_and_no_more_are_under_way_than_workers(
    workers: int, small: int, sizes: list[int]
) -> None:
    rounds = asyncio.run(taken(workers, sizes, small))
    assert sorted(job for each in rounds for job in each) == sorted((size, n) for n, size in enumerate(sizes))
    assert all(len(each) <= workers for each in rounds)


async def test_the_work_of_a_job_may_queue_another() -> None:
    done: list[int] = []

    async def work(job: int) -> None:
        """Queue the next number, up to three."""
        done.append(job)
        if job < 3:
            pool.put(job + 1)

    pool: Pool[int] = Pool(2, work)
    pool.put(1)
    await asyncio.wait_for(pool.run(pool.drained()), 20)
    assert done == [1, 2, 3]


async def test_a_failure_stops_all_workers() -> None:
    async def work(job: int) -> None:
        """Fail at the first job, wait for ever at the others."""
        if job == 1:
            raise ValueError("no")
        await asyncio.Event().wait()

    pool: Pool[int] = Pool(3, work)
    for job in (1, 2, 3):
        pool.put(job)
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(pool.run(pool.drained()), 20)
