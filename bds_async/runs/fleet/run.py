"""The runs of a fleet: several at a time, each independent; a stop of the fleet stops them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from ...errors import Stopped
from ...support.running import Stop, beside

Result = TypeVar("Result")

#: One tenant's part: runs it under a Stop of its own and returns the result. The second argument is the reason why the
#: run may not begin, None if it may.
Attempt: TypeAlias = Callable[[Stop, Stopped | None], Awaitable[Result]]


async def run_fleet(attempts: Sequence[Attempt[Result]], at_once: int, stop: Stop) -> list[Result]:
    """Run the tenants, at most `at_once` at a time; returns their results in order.

    An exception from one attempt ends all of them. A stop is passed on to the runs under way; later ones do not begin.
    """
    turns = asyncio.Semaphore(at_once)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_in_turn(attempt, turns, stop)) for attempt in attempts]
    return [task.result() for task in tasks]


async def _in_turn(attempt: Attempt[Result], turns: asyncio.Semaphore, stop: Stop) -> Result:
    own = Stop()
    try:
        await beside(turns.acquire(), stop.obey())
    except Stopped as reason:
        return await attempt(own, reason)
    passing = asyncio.create_task(_pass_on(stop, own))
    try:
        return await attempt(own, None)
    finally:
        passing.cancel()
        turns.release()


async def _pass_on(stop: Stop, own: Stop) -> None:
    """Stop a tenant's run when the fleet is stopped. What ends one run's patience leaves that of the others alone."""
    try:
        await stop.obey()
    except Stopped as reason:
        own.request(reason)
