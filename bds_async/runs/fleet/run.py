"""The runs of a fleet: some at a time, each on its own; a stop of the fleet stops each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from ...errors import Stopped
from ...support.running import Stop, beside

Result = TypeVar("Result")

#: One tenant's part: does its run, by a Stop of its own, and returns what became of it. `reason` is why it may not
#: begin, None if it may.
Attempt: TypeAlias = Callable[[Stop, Stopped | None], Awaitable[Result]]


async def run_fleet(attempts: Sequence[Attempt[Result]], at_once: int, stop: Stop) -> list[Result]:
    """What became of each tenant, in their order; at most `at_once` of them are under way.

    No attempt may raise what another should survive. A stop is passed on to the runs under way; later ones do not
    begin.
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
    """Stop a tenant's run with the fleet. What cuts its patience short cuts that of no other."""
    try:
        await stop.obey()
    except Stopped as reason:
        own.request(reason)
