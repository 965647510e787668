"""Check that the destination belongs to this tenant, and has room for what a pull would fetch."""

from __future__ import annotations

import asyncio
from functools import partial

from ..brightspace import Listing
from ..config import Config
from ..destination import destination_of
from ..errors import DestinationError
from ..ledger import Ledger, opened
from ..options import PullOptions
from ..planning import plan_pull
from ..support.patience import Patience
from ..support.text import counted, size_text
from .local import Destination
from .steps import Case, Finding


async def check_space(case: Case) -> Finding:
    """Check that the undelivered newest fulls have room; raises WrongTenant for another tenant's folder."""
    destination = case[Destination]
    workspace, url = case.workspace, case[Config].bspace_url
    patience = Patience()
    known = destination_of(workspace, patience=patience).sizes()
    with await opened(partial(Ledger.read, workspace.ledger, url, place=workspace.to), patience) as ledger:
        try:
            plan = await asyncio.to_thread(plan_pull, case[Listing], PullOptions(), ledger, known)
        except asyncio.CancelledError:
            patience.cut()
            raise
    fetch = [step.extract for step in plan.steps if step.delivered is None]
    sizes = [extract.download_size or 0 for extract in fetch]
    # An object store has room for all; a local partial file is needed only until its upload is done.
    wanted = sum(sizes) if workspace.store is None else max(sizes, default=0)
    found = f"{counted(len(fetch), 'newest full')} to fetch with {size_text(sum(sizes))}"
    if destination.free is None:
        return Finding(f"{found}; the file system does not say how much is free.")
    found = f"{found}; {size_text(destination.free)} are free"
    if wanted > destination.free:
        found = f"{destination.folder} has no room: {found}."
        return Finding(found, error=DestinationError(found))
    return Finding(f"{found}.")
