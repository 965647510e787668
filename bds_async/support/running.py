"""Control of a run: orderly stops, a time limit, phases under supervision, errors out of task groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

from ..errors import BdsError, Stopped, rank, weightiest
from .patience import Patience
from .uninterrupted import outlast

Result = TypeVar("Result")


class Stop:
    """Lets a caller (a signal handler, say) stop a run in an orderly way: partial files are kept, the report is made.

    `patience` is how long the run waits for other programs; a request cuts it short.
    """

    def __init__(self) -> None:
        self.patience = Patience()
        self._requested = asyncio.Event()

    def request(self, reason: Stopped | str = "The run was asked to stop; run again to continue.") -> None:
        """Ask the run to end; to be called on its event loop. The run raises `reason`.

        A text is the message of a `Stopped` with exit code 130.
        """
        if not isinstance(reason, Stopped | str):
            raise TypeError(f"The reason of a stop is text or a Stopped, not {type(reason).__name__}.")
        self._reason = Stopped(reason, 130) if isinstance(reason, str) else reason
        self.patience.cut()
        self._requested.set()

    async def requested(self) -> None:
        """Wait for a request."""
        await self._requested.wait()

    async def obey(self) -> NoReturn:
        """Wait for a request; raises its reason."""
        await self.requested()
        raise self._reason


class Supervision:
    """Ends the phases of a run as soon as a stop, the time limit or a background task ends the run.

    Use it with `async with`. `max_time` is in seconds, None for no limit; `left` is how much of it is left, None for
    all. `error` is what ended the run, None before that.
    """

    def __init__(
        self,
        stop: Stop,
        max_time: float | None,
        *background: Coroutine[Any, Any, object],
        left: float | None = None,
    ) -> None:
        self.error: BdsError | None = None
        self._stop = stop
        self._conditions = [stop.obey(), *time_limits(max_time, stop, left), *background]

    async def __aenter__(self) -> Self:
        self._end: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(self._watch(condition)) for condition in self._conditions]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await outlast(asyncio.gather(*self._tasks, return_exceptions=True))

    async def over(self, phase: Awaitable[Result]) -> Result:
        """Run a phase and return its result. If something ends the run, cancel the phase and raise that."""
        return await beside(phase, self._raise_end())

    async def _watch(self, condition: Coroutine[Any, Any, object]) -> None:
        """Note the error of a condition, which ends the run; waits for other programs are short from then on.

        The other conditions keep running: a phase that is being cancelled may need the background tasks.
        """
        try:
            await condition
        except Exception as error:
            self._stop.patience.cut()
            if isinstance(error, BdsError):
                known = [error] if self.error is None else [self.error, error]
                self.error = min(known, key=lambda each: rank(each.exit_code))
            if not self._end.done():
                self._end.set_exception(error)
                self._end.exception()  # marks it as retrieved: perhaps no phase awaits it

    async def _raise_end(self) -> NoReturn:
        await asyncio.shield(self._end)
        raise AssertionError("unreachable: the end is an error")


def time_limits(seconds: float | None, stop: Stop, left: float | None = None) -> list[Coroutine[Any, Any, NoReturn]]:
    """The coroutine that ends a run when its limit of `seconds`, of which `left` remain, is up; none without limit."""
    return [] if seconds is None else [_time_limit(seconds, stop, seconds if left is None else left)]


async def _time_limit(seconds: float, stop: Stop, left: float) -> NoReturn:
    """Raise Stopped (exit code 3) when no time is left; waits for other programs are short from then on."""
    await asyncio.sleep(left)
    stop.patience.cut()
    raise Stopped(f"The run's time of {seconds:g} seconds (`max_time`) is up; run again to continue.", 3)


def started(group: asyncio.TaskGroup, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result] | None:
    """Start `work` as a task of a group; None if the group is ending and accepts no more tasks."""
    try:
        return group.create_task(work)
    except RuntimeError:
        work.close()
        return None


async def beside(main: Awaitable[Result], *others: Coroutine[Any, Any, object]) -> Result:
    """Run `main` with the others beside it, and return its result.

    The first exception ends all of them; the weightiest one is raised, not as a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(other) for other in others]
            result = await main
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise weightiest(errors) from None
    return result
