"""Destinations of extracts, and publishing to them through the ledger."""

from pathlib import Path

from ..options import RunOptions
from ..support.patience import Patience
from ..workspace import Workspace
from .destination import ROOMS, Brought, Destination, Recorded, Size
from .local import LocalFolder
from .publishing import Published, Publisher

__all__ = [
    "ROOMS",
    "Brought",
    "Destination",
    "LocalFolder",
    "Published",
    "Publisher",
    "Recorded",
    "Size",
    "demand_destination",
    "destination_of",
]


def destination_of(
    workspace: Workspace, options: RunOptions | None = None, patience: Patience | None = None
) -> Destination:
    """The destination of a workspace.

    Requests to an object store follow `attempts` and `stall_timeout` of `options`. Such requests, and copies to another
    file system, end once `patience` is cut.
    Raises ConfigError if a package for the store is not installed.
    """
    if workspace.store is None:
        return LocalFolder(Path(workspace.to), patience)
    from .object_store import ObjectStore

    return ObjectStore(workspace, workspace.store, options or RunOptions(), patience or Patience())


def demand_destination(workspace: Workspace) -> None:
    """Raise DestinationError if there is no folder, ConfigError if the state folder belongs to another destination.

    An unmounted disk must not look like an empty folder. An object store is not contacted: nothing in its ledger
    depends on that.
    """
    if workspace.store is None:
        destination_of(workspace).demand()
    workspace.check_owner()
