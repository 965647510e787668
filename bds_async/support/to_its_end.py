"""Short work that a cancellation waits for, because leaving it half-done would do harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .uninterrupted import outlast

T = TypeVar("T")


async def to_its_end(work: Awaitable[T]) -> T:
    """Finish `work` even if cancelled meanwhile; raise the CancelledError after that."""
    future = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await outlast(future)
        raise


async def in_thread(work: Callable[[], T]) -> T:
    """Do `work` in a thread and return its result; a cancellation waits for its end."""
    return await to_its_end(asyncio.to_thread(work))
