"""Opening a ledger in a thread, so that the event loop keeps running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..support.patience import Patience
from ..support.uninterrupted import outlast
from .ledger import Ledger


async def opened(open_ledger: Callable[[Patience], Ledger], patience: Patience | None = None) -> Ledger:
    """Call `open_ledger` in a thread and return the ledger; raises as it does.

    A cancellation cuts `patience`, which ends a wait for another program, and then waits for the thread: the caller
    releases the folder's lock next, and no thread may use the ledger after that.
    """
    patience = patience or Patience()
    opening = asyncio.ensure_future(asyncio.to_thread(open_ledger, patience))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        patience.cut()
        await outlast(opening)
        if not opening.cancelled() and opening.exception() is None:
            opening.result().close()
        raise
