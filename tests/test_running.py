"""What keeps a run in order: stops, the time limit, and the one error that comes out."""

import asyncio

import pytest

from bds_async.concurrency.running import Stop, beside, time_limit
from bds_async.errors import AuthorisationError, ConfigError, DestinationError, Stopped, TransientError

INTERRUPTED = Stopped("interrupted", 130)


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


class TestStop:
    async def test_it_is_obeyed_once_it_is_requested(self):
        stop = Stop()
        obedient = asyncio.create_task(stop.obey())
        await asyncio.sleep(0)
        assert not obedient.done()
        stop.request(INTERRUPTED)
        with pytest.raises(Stopped) as caught:
            await obedient
        assert caught.value is INTERRUPTED

    async def test_a_request_before_the_run_began_is_obeyed_too(self):
        stop = Stop()
        stop.request(Stopped("terminated", 143))
        await stop.requested()
        with pytest.raises(Stopped) as caught:
            await beside(for_ever(), stop.obey())
        assert caught.value.exit_code == 143

    def test_it_can_be_made_where_there_is_no_loop(self):
        Stop().request(INTERRUPTED)


class TestTimeLimit:
    async def test_when_the_time_is_up_the_run_ends_with_3(self):
        with pytest.raises(Stopped, match=r"0\.01 seconds \(--max-time\)") as caught:
            await beside(for_ever(), time_limit(0.01))
        assert caught.value.exit_code == 3

    async def test_a_run_that_is_done_before_does_not_hear_of_it(self):
        assert await beside(answer(), time_limit(60)) == 42


class TestBeside:
    async def test_the_result_is_that_of_the_main_work_and_the_others_end_with_it(self):
        ended = asyncio.Event()

        async def other() -> None:
            try:
                await for_ever()
            finally:
                ended.set()

        assert await beside(answer(), other()) == 42
        assert ended.is_set()

    async def test_alone_it_is_just_the_main_work(self):
        assert await beside(answer()) == 42

    async def test_others_that_end_early_end_nothing(self):
        assert await beside(answer(), asyncio.sleep(0)) == 42

    async def test_what_the_main_work_raises_comes_out_bare(self):
        error = DestinationError("full")
        with pytest.raises(DestinationError) as caught:
            await beside(fail(error), for_ever())
        assert caught.value is error

    async def test_what_another_raises_ends_the_main_work(self):
        ended = asyncio.Event()

        async def main() -> None:
            try:
                await for_ever()
            finally:
                ended.set()

        with pytest.raises(AuthorisationError):
            await beside(main(), fail(AuthorisationError("refused")))
        assert ended.is_set()

    async def test_of_several_the_weightiest_comes_out(self):
        """They fail in the same turn of the loop, so that none ends the others first."""
        errors = [TransientError("one"), DestinationError("full"), ConfigError("config"), INTERRUPTED]
        with pytest.raises(Stopped):
            await beside(for_ever(), *(fail(error) for error in errors))

    async def test_groups_within_groups_come_out_bare_too(self):
        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(DestinationError("full")))

        with pytest.raises(DestinationError):
            await beside(main(), for_ever())

    async def test_a_defect_is_not_hidden_by_what_it_made_fail(self):
        with pytest.raises(ZeroDivisionError):
            await beside(for_ever(), fail(DestinationError("full")), fail(ZeroDivisionError()))

    async def test_cancelling_from_outside_ends_all_and_stays_a_cancellation(self):
        """As an Airflow task or a notebook does it."""
        running = asyncio.create_task(beside(for_ever(), for_ever()))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == {asyncio.current_task()}
