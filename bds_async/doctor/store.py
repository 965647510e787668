"""Check of an object store, and of the state folder beside it."""

from __future__ import annotations

import asyncio

from ..destination.object_store import ObjectStore, Probe
from ..options import RunOptions
from ..support.patience import Patience
from ..workspace import StoreAddress, StoreKind, Workspace
from .steps import CheckStatus, Finding

#: Seconds by which a clock may be wrong; S3 refuses requests at 15 minutes.
CLOCK = 300.0
_LEFT = {
    StoreKind.S3: "the next run aborts unfinished uploads of a killed one",
    StoreKind.GOOGLE: "a lifecycle rule has to remove unfinished uploads of killed runs",
    StoreKind.AZURE: "Azure drops unfinished uploads of killed runs after a week",
}


_CLEAN = {
    StoreKind.S3: "Grant s3:ListBucketMultipartUploads and s3:AbortMultipartUpload, or add a lifecycle rule "
    "(AbortIncompleteMultipartUpload) to the bucket.",
    StoreKind.GOOGLE: "A run needs no deletion; remove the empty object .bds-async-doctor-… by hand.",
    StoreKind.AZURE: "A run needs no deletion; remove the empty object .bds-async-doctor-… by hand.",
}


async def examined_store(workspace: Workspace, address: StoreAddress) -> Finding:
    """List, look and write as a run does, and clean up all of it. Raises DestinationError, ConfigError."""
    patience = Patience()
    store = ObjectStore(workspace, address, RunOptions(attempts=2), patience)
    try:
        probe = await asyncio.to_thread(_examine, store)
    except asyncio.CancelledError:
        patience.cut()
        raise
    return _finding(address, probe)


def _finding(address: StoreAddress, probe: Probe) -> Finding:
    if probe.uncleaned is not None:
        found = f"{address} can be listed and written, but not cleaned up ({probe.uncleaned})."
        return Finding(found, CheckStatus.WARNING, _CLEAN[address.kind])
    if probe.ahead is not None and abs(probe.ahead) > CLOCK:
        found = f"{address} can be written, but its clock differs from this one by {probe.ahead:.0f} s."
        return Finding(found, CheckStatus.WARNING, "Set the clock of this machine, preferably by NTP.")
    return Finding(f"{address} can be listed and written; {_LEFT[address.kind]}.")


def _examine(store: ObjectStore) -> Probe:
    store.demand()
    return store.probe()
