"""What keeps a run in order: orderly stops, a time limit, and errors out of task groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, NoReturn, TypeVar

from ..errors import Stopped, weightiest

Result = TypeVar("Result")


class Stop:
    """Lets a caller (a signal handler, say) end a run in an orderly way: parts are kept, the report is made."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._reason = Stopped("The run was asked to stop; run again to go on.", 130)

    def request(self, reason: Stopped) -> None:
        """Ask the run to end; to be called on its event loop. The run raises `reason`."""
        self._reason = reason
        self._asked.set()

    async def requested(self) -> None:
        """Wait for a request."""
        await self._asked.wait()

    async def obey(self) -> NoReturn:
        """Wait for a request; raises what it brings."""
        await self.requested()
        raise self._reason


def time_limits(seconds: float | None) -> list[Coroutine[Any, Any, NoReturn]]:
    """What ends a run after so long, to be put beside its work: nothing where there is no limit."""
    return [] if seconds is None else [time_limit(seconds)]


async def time_limit(seconds: float) -> NoReturn:
    """Raise Stopped (exit code 3) after so long."""
    await asyncio.sleep(seconds)
    raise Stopped(f"The run's time of {seconds:g} seconds (--max-time) is up; run again to go on.", 3)


async def beside(main: Awaitable[Result], *others: Coroutine[Any, Any, object]) -> Result:
    """The result of `main`, while the others run beside it.

    What any of them raises ends all of them; the weightiest error is raised, bare.
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
