"""The destination against the plan: whose folder it is, and whether what a pull would fetch has room there."""

from __future__ import annotations

import asyncio
from functools import partial

from ..brightspace.catalogue.listing import Listing
from ..config.settings import Config
from ..errors import DestinationError
from ..ledger import Ledger, opened
from ..options import PullOptions
from ..planning.pull import plan_pull
from ..support.text import counted
from ..workspace.folder import ledger_path
from .local import Destination
from .steps import Case, Finding


async def check_space(case: Case) -> Finding:
    """Free space against the newest fulls that are not there yet; raises WrongTenant for another tenant's folder."""
    destination = case[Destination]
    path, url = ledger_path(destination.folder), case[Config].bspace_url
    with await opened(partial(Ledger.read, path, url, place=destination.folder)) as ledger:
        plan = await asyncio.to_thread(plan_pull, case[Listing], PullOptions(), ledger, destination.folder)
    fetch = [step.extract for step in plan.steps if step.delivered is None]
    wanted = sum(extract.download_size or 0 for extract in fetch)
    found = f"{counted(len(fetch), 'newest full')} to fetch with {wanted:,} bytes; {destination.free:,} bytes are free"
    if wanted > destination.free:
        found = f"{destination.folder} has no room: {found}."
        return Finding(found, error=DestinationError(found))
    return Finding(f"{found}.")
