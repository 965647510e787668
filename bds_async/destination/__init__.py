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
