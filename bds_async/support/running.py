"""Control of a run: orderly stops, a time limit, phases under supervision, errors out of task groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

from ..errors import BdsError, Stopped, weightiest
from .patience import Patience
from .uninterrupted import outlast

Result = TypeVar("Result")


class Stop:
    """Lets a caller (a signal handler, say) end a run in an orderly way: parts are kept, the report is made.

    `patience` is how long the run waits for other programs; a request cuts it short.
    """

    def __init__(self) -> None:
        self.patience = Patience()
        self._requested = asyncio.Event()
        self._reason = Stopped("The run was asked to stop; run again to go on.", 130)

    def request(self, reason: Stopped) -> None:
        """Ask the run to end; to be called on its event loop. The run raises `reason`."""
        self._reason = reason
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
    """Ends the phases of a run as soon as a stop, the time limit or a task of the background ends the run.

    Use it with `async with`. `max_time` is in seconds, None for no limit. `error` is what ended the run, None so far.
    """

    def __init__(self, stop: Stop, max_time: float | None, *background: Coroutine[Any, Any, object]) -> None:
        self.error: BdsError | None = None
        self._stop = stop
        self._watch = beside(_forever(), stop.obey(), *time_limits(max_time), *background)

    async def __aenter__(self) -> Self:
        self._end = asyncio.ensure_future(self._note_end())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.cancel()
        await outlast(self._end)

    async def over(self, phase: Awaitable[Result]) -> Result:
        """The result of a phase. Raises what the phase raises, and what ends the run, which cancels the phase."""
        return await beside(phase, self._raise_end())

    async def _note_end(self) -> None:
        """Wait for the end of the run; waits for other programs are short from then on."""
        try:
            await self._watch
        except BdsError as error:
            self.error = error
            self._stop.patience.cut()
            raise

    async def _raise_end(self) -> None:
        await asyncio.shield(self._end)


def time_limits(seconds: float | None) -> list[Coroutine[Any, Any, NoReturn]]:
    """The time limit as a coroutine to run beside the work; none without a limit."""
    return [] if seconds is None else [time_limit(seconds)]


async def time_limit(seconds: float) -> NoReturn:
    """Raise Stopped (exit code 3) after `seconds`."""
    await asyncio.sleep(seconds)
    raise Stopped(f"The run's time of {seconds:g} seconds (--max-time) is up; run again to go on.", 3)


async def beside(main: Awaitable[Result], *others: Coroutine[Any, Any, object]) -> Result:
    """The result of `main`, while the others run beside it.

    The first exception ends all of them; the weightiest one is raised, not in a group.
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


async def _forever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("unreachable: nothing sets the event")
