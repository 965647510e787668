"""Work in a thread of its own, which no cancellation ends once it has departed."""

import asyncio
import threading

import pytest

from bds_async.concurrency.uninterrupted import Departure, outlast, uninterrupted


class Work:
    """Something that departs, or not, and then waits until it is told to end."""

    def __init__(self, departs: bool = True) -> None:
        self.departs = departs
        self.begun, self.may_end, self.ended = threading.Event(), threading.Event(), False

    async def __call__(self, departure: Departure) -> str:
        if self.departs:
            departure.mark()
        self.begun.set()
        while not self.may_end.is_set():  # noqa: ASYNC110 -- the event belongs to another thread
            await asyncio.sleep(0.005)
        self.ended = True
        return "result"

    async def under_way(self) -> asyncio.Task[str]:
        task = asyncio.create_task(uninterrupted(self))
        await asyncio.to_thread(self.begun.wait)
        return task


async def test_the_result_comes_back():
    work = Work()
    work.may_end.set()
    assert await uninterrupted(work) == "result"


async def test_so_does_an_error():
    async def fails(_: Departure) -> None:
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await uninterrupted(fails)


async def test_it_runs_beside_the_loop_and_not_on_it():
    async def loop(_: Departure) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert await uninterrupted(loop) is not asyncio.get_running_loop()


@pytest.mark.parametrize("cancellations", [1, 5])
async def test_work_that_has_departed_outlives_any_number_of_cancellations(cancellations):
    work = Work()
    task = await work.under_way()
    for _ in range(cancellations):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.ended


async def test_work_that_has_not_departed_is_called_off():
    work = Work(departs=False)
    task = await work.under_way()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not work.ended


async def test_work_that_has_not_begun_never_begins():
    departure, work = Departure(), Work()
    departure.call_off()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.to_thread(departure.run, work)
    assert not work.begun.is_set()


async def test_calling_off_what_has_ended_does_nothing():
    departure, work = Departure(), Work()
    work.may_end.set()
    await asyncio.to_thread(departure.run, work)
    departure.call_off()


async def test_an_error_after_the_cancellation_is_not_raised_nor_complained_about():
    may_fail = threading.Event()
    begun = threading.Event()

    async def fails(departure: Departure) -> None:
        departure.mark()
        begun.set()
        await asyncio.to_thread(may_fail.wait)
        raise ValueError

    task = asyncio.create_task(uninterrupted(fails))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    may_fail.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_the_end_of_the_event_loop_waits_for_it(ending):
    """What `asyncio.run` cancels when its main coroutine has ended is stored all the same."""
    work = Work()

    async def main() -> None:
        await work.under_way()
        threading.Timer(0.05, work.may_end.set).start()
        if ending == "raises":
            raise KeyboardInterrupt

    if ending == "raises":
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())
    else:
        asyncio.run(main())
    assert work.ended


async def test_outlasting_waits_for_the_end_and_then_passes_the_cancellation_on():
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(outlast(future))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    future.set_exception(ValueError())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_outlasting_without_a_cancellation_just_waits():
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    await outlast(future)
