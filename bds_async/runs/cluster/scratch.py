"""The scratch space of a worker: one folder for each destination, which belongs to the latest run."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path
from typing import NoReturn

from ...errors import Stopped
from ...support import durable
from ...workspace import StoreAddress, Workspace, is_address, writing_to
from ...workspace.store_address import parse_address
from .values import Place

#: Seconds between two checks of a run's lease.
LOOK = 0.5
#: The run that may work for each destination, in this process.
_LEASES: dict[str, str] = {}
_LOCK = threading.Lock()


def begin(place: Place, root: Path) -> None:
    """Give a run the lease of a destination; the work of an earlier run ends, and its files are removed."""
    with _LOCK:
        if _LEASES.get(place.lease) == place.run:
            return
        _LEASES[place.lease] = place.run
    for folder in _home(place, root).glob("*"):
        if folder.name != place.run:
            shutil.rmtree(folder, ignore_errors=True)


def end(place: Place, root: Path) -> None:
    """Take the lease from a run that is over, and remove its files."""
    with _LOCK:
        if _LEASES.get(place.lease) == place.run:
            _LEASES[place.lease] = ""
    shutil.rmtree(_home(place, root) / place.run, ignore_errors=True)


def holds_lease(place: Place) -> bool:
    """Whether a run may work. If the lease is free, the run gets it."""
    with _LOCK:
        return _LEASES.setdefault(place.lease, place.run) == place.run


async def until_lost(place: Place) -> NoReturn:
    """Wait until the run loses its lease; raises Stopped."""
    while holds_lease(place):  # noqa: ASYNC110 - another thread takes the lease
        await asyncio.sleep(LOOK)
    raise Stopped("The run is over.", 3)


def scratch_of(place: Place, root: Path) -> Workspace:
    """The workspace of a run on this worker, created if missing; raises DestinationError."""
    store: StoreAddress | None = parse_address(place.to) if is_address(place.to) else None
    workspace = Workspace(_home(place, root) / place.run, place.to, place.to, store)
    with writing_to(workspace.state):
        durable.make_folders(workspace.partials)
    return workspace


def _home(place: Place, root: Path) -> Path:
    return root / f"bds-async-{place.lease}"
