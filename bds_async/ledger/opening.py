"""Opening a ledger beside an event loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..support.uninterrupted import outlast
from .ledger import Ledger
from .waiting import Patience


async def opened(open_ledger: Callable[[Patience], Ledger]) -> Ledger:
    """The ledger that `open_ledger` opens, in a thread. Raises as that does.

    A cancellation cuts short its wait for another program, and waits for its end: whoever frees the folder's lock then
    has to know that nobody is at the ledger any more.
    """
    patience = Patience()
    opening = asyncio.ensure_future(asyncio.to_thread(open_ledger, patience))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        patience.cut()
        await outlast(opening)
        if not opening.cancelled() and opening.exception() is None:
            opening.result().close()
        raise
