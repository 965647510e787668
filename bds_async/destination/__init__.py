"""Where extracts land: destinations, and publishing to them through the ledger."""

from pathlib import Path

from ..workspace import Workspace
from .destination import Destination
from .local import LocalFolder
from .publishing import Published, Publisher

__all__ = ["Destination", "LocalFolder", "Published", "Publisher", "destination_of"]


def destination_of(workspace: Workspace) -> Destination:
    """The destination of a workspace."""
    return LocalFolder(Path(workspace.to))
