"""Opening a ledger beside an event loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..support.patience import Patience
from ..support.uninterrupted import outlast
from .ledger import Ledger


async def opened(open_ledger: Callable[[Patience], Ledger], patience: Patience | None = None) -> Ledger:
    """The ledger that `open_ledger` opens, in a thread. Raises as that does.

    A cancellation cuts `patience`, which ends a wait for another program, and waits for the end of the thread: the
    caller frees the folder's lock next, when nothing may work on the ledger any more.
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
