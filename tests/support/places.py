"""The parts of a default workspace, `DIR/.bds-async`, from its destination DIR."""

from __future__ import annotations

from pathlib import Path

from bds_async.workspace import FolderLock, Workspace, workspace_of


def prepared(folder: Path, state: Path | None = None) -> Workspace:
    """Create the workspace."""
    workspace = workspace_of(folder, state)
    workspace.prepare()
    return workspace


def state_folder(folder: Path) -> Path:
    """The state folder."""
    return workspace_of(folder).state


def partial_folder(folder: Path) -> Path:
    """The folder of partial files."""
    return workspace_of(folder).partials


def ledger_path(folder: Path) -> Path:
    """The database."""
    return workspace_of(folder).ledger


def folder_lock(folder: Path) -> FolderLock:
    """The lock of the folder, not taken yet."""
    return FolderLock(workspace_of(folder))
