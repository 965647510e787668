"""What a run works with: one connected tenant, one destination with its state folder, and the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..brightspace import Connection, connect
from ..config import Config
from ..destination import Destination, Publisher, destination_of
from ..events import Observer
from ..ledger import Ledger, opened
from ..options import RunOptions
from ..support.running import Stop, beside, time_limits
from ..support.to_its_end import in_thread
from ..transfer import Bodies
from ..workspace import FolderLock, Workspace

if TYPE_CHECKING:
    from .cluster import Cluster


@dataclass(frozen=True, slots=True)
class Storage:
    """A destination, its state folder, whose lock is held, and the ledger in it."""

    workspace: Workspace
    destination: Destination
    ledger: Ledger

    @property
    def publisher(self) -> Publisher:
        """What publishes to the destination through the ledger."""
        return Publisher(self.workspace, self.destination, self.ledger)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where a run gets extracts from, and where it publishes them.

    `bodies` is the bound on bodies that the run shares with others, if any. `cluster` fetches the extracts; None means
    this machine.
    """

    connection: Connection
    storage: Storage
    bodies: Bodies | None = None
    cluster: Cluster | None = None


@asynccontextmanager
async def open_storage(
    workspace: Workspace, tenant: str, stop: Stop, options: RunOptions | None = None
) -> AsyncIterator[Storage]:
    """Lock the state folder and open its ledger for `tenant`; both are created if missing.

    An object store is checked. The time limit of `options` starts here. Raises FolderBusy, DestinationError,
    WrongTenant, ConfigError, Stopped.
    """
    options = options or RunOptions()
    await in_thread(workspace.prepare)
    opening = partial(Ledger.open, workspace.ledger, tenant, place=workspace.to)
    with (
        FolderLock(workspace),
        await beside(opened(opening, stop.patience), stop.obey(), *time_limits(options.max_time, stop)) as ledger,
    ):
        await in_thread(workspace.check_owner)
        storage = Storage(workspace, destination_of(workspace, options, stop.patience), ledger)
        preparing = in_thread(partial(_prepare, storage))
        await beside(preparing, stop.obey(), *time_limits(options.max_time, stop))
        yield storage


def _prepare(storage: Storage) -> None:
    """Create the destination; if something was delivered to it, it must still be there.

    Only then is the state folder bound to the destination, so that a mistyped bucket binds nothing.
    """
    storage.destination.prepare(is_used=next(storage.ledger.deliveries.all(), None) is not None)
    storage.workspace.claim()


@asynccontextmanager
async def open_context(
    config: Config,
    workspace: Workspace,
    options: RunOptions,
    observer: Observer,
    stop: Stop,
    *,
    bodies: Bodies | None = None,
) -> AsyncIterator[RunContext]:
    """Open everything that a run works with; raises as `open_storage`, and ConfigError for unusable settings."""
    async with (
        open_storage(workspace, config.bspace_url, stop, options) as storage,
        connect(config, options, observer) as connection,
    ):
        yield RunContext(connection, storage, bodies)
