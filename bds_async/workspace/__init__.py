"""The state folder and the names of files: paths, lock, free space, disk faults, safe names."""

from .faults import MIRROR, OWN_FILES, STATE, writing_to
from .lock import FolderLock, cannot_lock
from .paths import inside
from .space import ensure_room, free_space
from .store_address import StoreAddress, StoreKind, is_address
from .workspace import Workspace, workspace_of

__all__ = [
    "MIRROR",
    "OWN_FILES",
    "STATE",
    "FolderLock",
    "StoreAddress",
    "StoreKind",
    "Workspace",
    "cannot_lock",
    "ensure_room",
    "free_space",
    "inside",
    "is_address",
    "workspace_of",
    "writing_to",
]
